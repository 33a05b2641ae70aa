"""The whole journey with marked secrets, links, names and answers; afterwards each mark is looked for everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from idenfy_kyc import clients, services
from idenfy_kyc.api import IdenfyClient
from idenfy_kyc.choices import State
from idenfy_kyc.conf import get_settings
from idenfy_kyc.models import InformationRequest, RequestEvent, Verification
from idenfy_kyc.testing import FakeIdenfy, Fault, deliver, identification, questionnaire
from idenfy_kyc.testing.server import FakeServer
from tests.admin.pages import BROWSER, filled_in, shown
from tests.canary import Kind, Marks, Postbox, mails_to_admins
from tests.outage import database_fails
from tests.test_access import LINES, PEOPLE, RECORD

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.no_cover,
]

KEYS = {"API_KEY": "mark-api-key", "API_SECRET": "mark-api-secret", "ERASURE_KEY": "mark-erasure-key"}
SIGNING_KEY, SECRET_KEY = "mark-signing-key", "mark-secret-key-of-the-project"
TOLD = ("MARKFIRSTNAME", "MARKLASTNAME")
ANSWERS = {"Mark-question-1?": "mark-answer-1"}
ERASED = (*TOLD, "mark-answer-1", "Mark-question-1", "Mark-name-2", "Mark-client-2")
REFUSED, UNCERTAIN, ANSWERED, WITHDRAWN, MARKED = range(5)


def describe(*, verifications: Sequence[Verification]) -> Mapping[int, clients.Client]:
    """What the project tells of its clients."""
    return {
        v.pk: clients.Client(name=f"Mark-host-name-{v.pk}", email=f"mark-{v.pk}@example.com") for v in verifications
    }


def fails(*, verifications: Sequence[Verification]) -> Mapping[int, clients.Client]:
    """The same, on a bad day."""
    raise ValueError(f"Nobody knows {[v.name for v in verifications]}")


class Weather:
    """Whether drawing a page breaks, at the moment when everything that is on it is known."""

    is_bad = False


def breaks(request: HttpRequest) -> dict[str, Any]:
    """A context processor of the project's."""
    if Weather.is_bad:
        raise RuntimeError("Somebody's context processor broke")
    return {}


@contextmanager
def bad_weather() -> Iterator[None]:
    Weather.is_bad = True
    try:
        yield
    finally:
        Weather.is_bad = False


class Journey:
    """From five clients to what became of them; each act is tried once while the database takes nothing, then done."""

    def __init__(self, fake: FakeIdenfy, people: dict[str, Client], marks: Marks) -> None:
        self.fake, self.people, self.marks = fake, people, marks
        self.messages: list[str] = []
        self.leaks: list[str] = []

    # Who does what

    def act(self, name: str, address: str, form: dict[str, Any], *, accept: str = BROWSER) -> Any:
        """One POST of this person, at first in vain; both answers are searched for what he must not see."""
        person = self.people[name]
        with database_fails("INSERT", "UPDATE", "DELETE"):
            person.post(address, form, headers={"Accept": accept})
        answer = person.post(address, form, headers={"Accept": accept}, follow=True)
        self.messages += [str(message) for message in (answer.context or {}).get("messages", ())]
        if not address.endswith(("show-link/", "download/")):
            self.look(name, f"POST {address}", answer)
        return answer

    def look(self, name: str, address: str, answer: Any) -> None:
        for kind in self.marks.seen_by(name, answer.text + str(answer.headers)):
            self.leaks.append(f"{name} sees {kind.value} on {address}")

    def row(self, number: int) -> InformationRequest:
        return InformationRequest.objects.filter(verification__scan_ref=f"scan-{number}").latest("pk")

    def page(self, number: int, act: str = "change") -> str:
        return reverse(f"admin:idenfy_kyc_informationrequest_{act}", args=[self.row(number).pk])

    # The way

    def ask(self) -> None:
        listed = "\n".join(f"scan-{number}\tMark-client-{number}\tMark-name-{number}\tAPPROVED" for number in range(5))
        a_list = reverse("admin:idenfy_kyc_verification_ask_from_list")
        self.act("root", a_list, {"text": f"scan_ref\tclient_id\tname\tstatus\n{listed}", "_add": "1"})
        pks = list(Verification.objects.values_list("pk", flat=True))
        self.marks.add(Kind.NAME, *(f"Mark-host-name-{pk}" for pk in pks), *(f"mark-{pk}@example.com" for pk in pks))
        chosen = {"action": "request_information", "_selected_action": pks}
        self.act("alice", reverse("admin:idenfy_kyc_verification_changelist"), chosen)
        self.fake.misbehave(Fault.BAD_VALUE, scan_ref=f"scan-{REFUSED}")
        self.fake.misbehave(Fault.NONSENSE, scan_ref=f"scan-{UNCERTAIN}")
        batch = self.row(ANSWERED).batch
        page = reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk])
        self.act("alice", page, filled_in(expected="5", questionnaire="source-of-funds"))
        self.send(batch)
        self.marks.add(Kind.TOKEN, *(post.token for post in self.fake.issued()))
        issued = InformationRequest.objects.filter(state=State.ISSUED)
        self.marks.add(Kind.LINK, *(str(row.public_id) for row in issued))

    def send(self, batch: Any) -> None:
        page = reverse("admin:idenfy_kyc_requestbatch_send", args=[batch.pk])
        steps = [self.people["alice"].post(page, headers={"Accept": "application/json"}) for _ in range(3)]
        steps.append(self.people["bob"].get(page.replace("send", "progress"), headers={"Accept": "application/json"}))
        self.marks.add(Kind.TOKEN, *(post.token for post in self.fake.issued()))
        for step in steps:
            assert step.status_code == 200
            self.look("nobody", "a step", step)
        assert "queued" not in batch.requests.values_list("state", flat=True)

    def hand_out(self) -> None:
        link = self.act("carol", self.page(ANSWERED, "show_link"), {})
        batch = self.row(ANSWERED).batch
        file = self.act("carol", reverse("admin:idenfy_kyc_requestbatch_download", args=[batch.pk]), {})
        public = [str(self.row(number).public_id) for number in (ANSWERED, WITHDRAWN, MARKED)]
        assert public[0] in link.text
        assert all(one in file.text for one in public)
        assert self.marks.found(link.text + file.text) == {Kind.LINK, Kind.NAME}

    def open_as_client(self) -> None:
        page = reverse("idenfy_kyc:client_link", args=[self.row(ANSWERED).public_id])
        client = self.people["anonymous"]
        for verbs in (("SELECT",), ("INSERT", "UPDATE")):
            with database_fails(*verbs):
                assert not self.marks.found(client.post(page).headers)
        with bad_weather():
            client.get(page)
        assert self.marks.found(client.get(page).text) <= {Kind.LINK}
        assert self.marks.found(client.post(page).headers) == {Kind.TOKEN}

    def hear(self) -> None:
        url, client = reverse("idenfy_kyc:webhook"), self.people["anonymous"]
        told: dict[str, Any] = {"client_id": f"Mark-client-{ANSWERED}", "first_name": TOLD[0], "last_name": TOLD[1]}
        answered = identification(
            f"scan-{ANSWERED}", final=False, status="REVIEWING", questionnaire=questionnaire("Funds", ANSWERS), **told
        )
        reviewed = identification(f"scan-{ANSWERED}", **told)
        nonsense = json.dumps({"scanRef": f"scan-{ANSWERED}", "name": TOLD[0], "answer": "mark-answer-1"}).encode()
        statuses = []
        for verbs in (("INSERT",), ("UPDATE",), ("SELECT",)):
            with database_fails(*verbs):
                statuses.append(deliver(client, url, "IDENTIFICATION_RESUBMITTED", answered).status_code)
        for payload, event, key in (
            (answered, "RESUBMITTED", "not a key"),
            (answered, "RESUBMITTED", None),
            (nonsense, "RESUBMITTED", None),
            (answered, "MANUAL_FINISHED", None),
            (reviewed, "MANUAL_FINISHED", None),
        ):
            answer = deliver(client, url, f"IDENTIFICATION_{event}", payload, key=key)
            self.look("anonymous", "webhook", answer)
            statuses.append(answer.status_code)
        assert statuses == [500, 200, 500, 400, 200, 200, 200, 200]
        assert self.row(ANSWERED).state == State.COMPLETED

    def close(self) -> None:
        self.act("rita", self.page(ANSWERED, "look_at"), {})
        assert self.marks.found(self.people["rita"].get(self.page(ANSWERED)).text) == {Kind.NAME, Kind.ANSWER}
        for number, act, button in ((WITHDRAWN, "withdraw", "_withdraw"), (MARKED, "mark_answered", "_mark")):
            row = shown(self.row(number))
            form = {button: "1", "note": "seen", "shown": row, "outcome": "issued"}
            self.act("alice", self.page(number, act), form)
        assert [self.row(number).state for number in (WITHDRAWN, MARKED)] == ["cancelled", "completed"]
        self.act("alice", self.page(UNCERTAIN, "again"), {})
        again = reverse("admin:idenfy_kyc_requestbatch_change", args=[self.row(UNCERTAIN).batch_id])
        self.act("alice", again, filled_in(expected="1", note="again"))
        self.fake.behave()
        self.send(self.row(UNCERTAIN).batch)

    def erase(self) -> None:
        verification = self.row(ANSWERED).verification
        form = {"_erase": "1", "expected": "1", "typed": verification.client_id}
        self.act("erin", reverse("admin:idenfy_kyc_verification_erase", args=[verification.pk]), form)
        verification.refresh_from_db()
        assert verification.erased_at is not None

    def look_while_the_host_fails(self, settings: Any) -> None:
        usual = settings.IDENFY_KYC
        settings.IDENFY_KYC = usual | {"CLIENTS": "tests.test_canary.fails"}
        a_list = reverse("admin:idenfy_kyc_verification_changelist")
        assert "Mark-name-0" in self.people["root"].get(a_list).text
        settings.IDENFY_KYC = usual

    def visit(self, *, also_break: bool) -> None:
        """Every page of ``tests/test_access.py`` as everybody sees it; with ``also_break``, once as it breaks, too."""
        row, batch = self.row(ANSWERED), self.row(ANSWERED).batch
        things = {
            **dict.fromkeys(("free", "asked", "erased"), row.verification_id),
            **dict.fromkeys(("issued", "over", "answered"), row.pk),
            **dict.fromkeys(("plan", "queue", "stopped", "done"), batch.pk),
            **{"none": 987654, "type": 1, "failed": 1},
        }
        addresses = {line.address for line in LINES if line.method == "GET" and not line.address.startswith("idenfy")}
        paths = {re.sub("<(.*?)>", lambda thing: str(things[thing[1]]), address) for address in addresses}
        for path in sorted(path if path.startswith("admin/") else f"admin/idenfy_kyc/{path}" for path in paths):
            for name in PEOPLE:
                self.look(name, path, self.people[name].get(f"/{path}", headers={"Accept": BROWSER}))
            if also_break:
                with bad_weather():
                    self.people["root"].get(f"/{path}", headers={"Accept": BROWSER})


@pytest.fixture
def marks() -> Marks:
    marks = Marks()
    marks.add_credentials(KEYS["API_KEY"], KEYS["API_SECRET"])
    marks.add(Kind.SECRET, KEYS["ERASURE_KEY"], SIGNING_KEY, SECRET_KEY)
    marks.add(Kind.NAME, *TOLD, "mark-name-", "mark-client-")
    marks.add(Kind.ANSWER, "mark-answer-1", "mark-question-1")
    return marks


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with mails_to_admins() as postbox:
        yield postbox


@pytest.fixture
def journey(
    settings: Any, tmp_path: Path, request: pytest.FixtureRequest, marks: Marks, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Journey]:
    settings.SECRET_KEY = SECRET_KEY
    engine, *others = settings.TEMPLATES
    processors = [*engine["OPTIONS"]["context_processors"], "tests.test_canary.breaks"]
    settings.TEMPLATES = [engine | {"OPTIONS": engine["OPTIONS"] | {"context_processors": processors}}, *others]
    monkeypatch.setattr(services.sending, "PATIENCE", 0.0)
    monkeypatch.setattr(services.receiving, "PATIENCE", 0.0)
    fake = FakeIdenfy(tmp_path / "fake", api_key=KEYS["API_KEY"], api_secret=KEYS["API_SECRET"])
    with fake, FakeServer(fake) as server:
        given = {**KEYS, "BASE_URL": server.url, "WEBHOOK_SIGNING_KEYS": [SIGNING_KEY], "CONCURRENCY": 2}
        settings.IDENFY_KYC = given | {"CLIENTS": "tests.test_canary.describe"}
        people = {name: request.getfixturevalue(name if name == "anonymous" else f"{name}_client") for name in PEOPLE}
        for client in people.values():
            client.raise_request_exception = False
        yield Journey(fake, people, marks)


def record() -> list[str]:
    """Every row of ours and of the admin's log as its ``str()`` and ``repr()`` have it."""
    return [f"{row} {row!r}" for model in RECORD for row in model._default_manager.all()]


def kept() -> str:
    """All that is stored, decrypted."""
    rows = (row for model in RECORD for row in model._default_manager.values_list())
    return "\n".join(str(value) for row in rows for value in row)


def lines_of_the_record() -> list[str]:
    """What stands in the record and in the admin's log."""
    ours = [f"{line.kind} {line.params} {line.actor_name}" for line in RequestEvent.objects.all()]
    return ours + [f"{line.object_repr} {line.change_message}" for line in LogEntry.objects.all()]


def said_by_commands() -> list[str]:
    said = []
    for command in ("idenfy_send", "idenfy_doctor", "idenfy_reconcile", "idenfy_prune"):
        screen = StringIO()
        try:
            call_command(command, stdout=screen, stderr=screen)
        except (CommandError, SystemExit) as error:
            screen.write(f"{error} {error!r}")
        said.append(screen.getvalue())
    return said


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What every logger said, as text and with all that the record holds, but for the request of an error."""
    return [
        f"{record.name}: {record.getMessage()} {record.args} {record.exc_text or ''} {record.exc_info}"
        for record in caplog.records
    ]


class TestWhatIsMarked:
    @pytest.mark.timeout(240)
    def test_is_nowhere_but_where_it_may_be(
        self, journey: Journey, marks: Marks, postbox: Postbox, caplog: pytest.LogCaptureFixture, settings: Any
    ) -> None:
        caplog.set_level("DEBUG")

        journey.ask()
        journey.hand_out()
        journey.open_as_client()
        journey.visit(also_break=False)
        journey.hear()
        journey.close()
        journey.visit(also_break=True)
        journey.look_while_the_host_fails(settings)
        said = said_by_commands()
        assert all(mark in kept() for mark in ERASED)
        journey.erase()

        assert len(postbox.mails) > 20
        places = {
            "the log": logged(caplog),
            "error mails": postbox.mails,
            "the record": lines_of_the_record(),
            "rows": record(),
            "commands": said,
            "messages": journey.messages,
            "objects": [repr(get_settings()), repr(IdenfyClient.from_settings()), repr(journey.fake.posts())],
        }
        leaks = {
            f"{kind.value} in {place}" for place, texts in places.items() for t in texts for kind in marks.found(t)
        }
        assert (sorted(leaks), sorted(set(journey.leaks))) == ([], [])
        assert [mark for mark in ERASED if mark in kept()] == []
