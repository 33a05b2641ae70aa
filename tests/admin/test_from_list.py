from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from idenfy_kyc.admin import VerificationAdmin
from idenfy_kyc.choices import Reason, State
from idenfy_kyc.models import RequestBatch, RequestEvent, Verification
from idenfy_kyc.services.lists import MAX_BYTES
from tests.admin.pages import messages_of, words_of
from tests.factories import make_verification, make_verifications
from tests.personas import VIEW, logged_in

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:idenfy_kyc_verification_ask_from_list")
LIST = reverse("admin:idenfy_kyc_verification_changelist")
SAMPLES = Path(__file__).parents[1] / "samples"
NEW = "scan_ref\tclient_id\tname\tstatus\r\nS-1\tC-1\tŠarūnas\tApproved\r\nS-2\t\t\t\r\n\tC-404\t\t"


@pytest.fixture
def adder(make_person: Any) -> Any:
    """An officer who may also add verifications."""
    return make_person("adder", *VIEW, "request_information", "add_verification")


@pytest.fixture
def adder_client(adder: Any) -> Client:
    return logged_in(adder)


def look(client: Client, text: str = "", file: Path | bytes | None = None) -> Any:
    """Paste a text, or choose a file, and press the button."""
    data: dict[str, Any] = {"text": text}
    if file is not None:
        content = file.read_bytes() if isinstance(file, Path) else file
        data["file"] = SimpleUploadedFile("list.csv", content)
    return client.post(PAGE, data)


def press(client: Client, page: Any, button: str) -> Any:
    """Press a button of the result: the page sends along what it carries, and nothing else."""
    form = re.search(r'<form method="post" enctype="multipart/form-data">.*?</form>', page.text, re.DOTALL)
    assert form
    assert f'name="{button}"' in form[0]
    return client.post(PAGE, {"text": page.context["carried"], button: "1"})


def errors_of(page: Any) -> list[str]:
    assert not RequestBatch.objects.exists()
    return [sentence for sentences in page.context["form"].errors.values() for sentence in sentences]


def buttons_of(page: Any) -> set[str]:
    return set(re.findall(r'<button[^>]* name="(_\w+)"', page.text))


class TestTheWayThere:
    def test_is_beside_add_for_those_who_may_ask(
        self, alice_client: Client, bob_client: Client, root_client: Client
    ) -> None:
        make_verification()

        assert "Ask from a list…" in alice_client.get(LIST).text
        assert PAGE in root_client.get(LIST).text
        assert PAGE not in bob_client.get(LIST).text

    def test_is_in_the_words_of_an_empty_list_for_those_who_may_also_add(
        self, alice_client: Client, adder_client: Client
    ) -> None:
        empty = f'<a href="{PAGE}">Add some from a list</a>'

        assert empty in adder_client.get(LIST).text
        assert empty not in alice_client.get(LIST).text

    def test_begins_with_an_empty_form(self, alice_client: Client) -> None:
        page = alice_client.get(PAGE)

        assert page.status_code == alice_client.head(PAGE).status_code == 200
        assert "Error:" not in page.text
        assert buttons_of(page) == set()
        assert "Find clients" in page.text

    def test_is_found_on_every_site_that_has_it(self, alice_client: Client, settings: Any) -> None:
        settings.ROOT_URLCONF = "tests.admin.urls_two_sites"
        verification = make_verification()

        page = alice_client.get("/everything/idenfy_kyc/verification/")
        planned: Any = alice_client.post(
            "/everything/idenfy_kyc/verification/ask-from-list/", {"text": verification.scan_ref, "_plan": "1"}
        )

        assert "/everything/idenfy_kyc/verification/ask-from-list/" in page.text
        assert planned.url == f"/everything/idenfy_kyc/requestbatch/{RequestBatch.objects.get().pk}/change/"
        assert alice_client.get("/compliance/idenfy_kyc/verification/ask-from-list/").status_code == 403


class TestThePage:
    def test_can_be_looked_at_and_sent_and_nothing_else(self, alice_client: Client) -> None:
        answer = alice_client.delete(PAGE)

        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, POST")


class TestLooking:
    def test_says_who_was_found(self, alice_client: Client) -> None:
        clients = make_verifications(3)
        make_verification(client_id=clients[0].client_id)
        ids = [verification.client_id for verification in clients]

        page = look(alice_client, "\n".join(["Client ID", *ids, f" {ids[0].lower()}\u00a0", "", "X-1", "X-2"]))

        assert "6 lines: 3 clients found, 1 double, 2 not found." in page.text
        assert "Plan a request for 3 clients" in page.text
        assert page.context["missing_list"] == "X-1\nX-2"
        assert re.search(r'<textarea id="ik-missing"[^>]* readonly', page.text)
        assert 'data-ik-copy="ik-missing"' in page.text

    def test_says_no_more_than_there_is_to_say(self, alice_client: Client) -> None:
        verification = make_verification()

        page = look(alice_client, verification.client_id)

        assert "1 line: 1 client found." in page.text
        assert "Plan a request for 1 client<" in page.text
        assert "not found" not in page.text

    def test_offers_no_plan_for_nobody(self, alice_client: Client) -> None:
        page = look(alice_client, "X-1")

        assert "1 line: 0 clients found, 1 not found." in page.text
        assert buttons_of(page) == set()
        assert not RequestBatch.objects.exists()

    @pytest.mark.parametrize(
        "name", ["excel_utf8.csv", "excel_unicode_text.txt", "excel_cp1257.csv", "libreoffice.csv"]
    )
    def test_reads_what_spreadsheets_write(self, alice_client: Client, name: str) -> None:
        make_verification(scan_ref="3f2d0e6a-0a37-11ec-a45b-025ad99a18e1")
        make_verification(client_id="C-1044")

        page = look(alice_client, file=SAMPLES / name)

        assert "3 lines: 2 clients found, 1 not found." in page.text

    def test_leaves_what_was_pasted_to_be_mended(self, alice_client: Client) -> None:
        text = "Risk;Client ID\nhigh;C-1"

        assert look(alice_client, text).context["form"].initial == {"text": text}

    def test_leaves_room_for_another_file(self, alice_client: Client) -> None:
        page = look(alice_client, file=b"Risk;Client ID\nhigh;C-1")

        assert page.context["form"].initial == {"text": ""}

    def test_carries_along_no_more_than_it_read(self, alice_client: Client) -> None:
        page = look(alice_client, file=b"\xef\xbb\xbfRisk;Client ID\r\nhigh;C-1\r\n")

        assert page.context["carried"] == "client_id\nC-1"
        assert "high" not in page.text

    def test_says_how_much_it_left_aside(self, alice_client: Client) -> None:
        assert "1 entry was left aside: no line names its column." in look(alice_client, "C-1\tRasa").text
        assert "3 entries were left aside" in look(alice_client, "C-1, C-2\nC-3, C-4, C-5").text
        assert "left aside:" not in look(alice_client, "client_id\tname\nC-1\tRasa").text

    def test_reads_several_ids_on_a_line_if_one_says_so(self, alice_client: Client) -> None:
        for client_id in ("C-1", "C-2"):
            make_verification(client_id=client_id)
        page = look(alice_client, "C-1, C-2, C-404")
        assert "1 line: 1 client found." in page.text
        assert "Read each entry as an ID" in page.text

        each = look(alice_client, page.context["one_by_one"])

        assert "3 lines: 2 clients found, 1 not found." in each.text
        assert not each.context["aside"]

    def test_offers_to_read_no_more_where_a_line_names_columns(self, alice_client: Client) -> None:
        page = look(alice_client, "client_id\nC-1, C-2")

        assert "1 entry was left aside" in page.text
        assert "Read each entry as an ID" not in page.text

    def test_stays_beside_the_plan_if_something_was_not_found(self, alice_client: Client) -> None:
        make_verification(client_id="C-1")

        assert 'name="_plan" value="1" formtarget="_blank"' in look(alice_client, "C-1\nC-404").text
        assert "_blank" not in look(alice_client, "C-1").text

    def test_names_the_lines_that_are_not_just_unknown(self, alice_client: Client) -> None:
        make_verification(client_id="AB-1")
        make_verification(client_id="ab-1")

        page = look(alice_client, "client_id,name\nAb-1,\n,Ona\nC-404,")

        assert page.context["problems"] == [
            "Line 2: Two differ from it in capitals only. Write it as one of them is.",
            "Line 3: There is no client ID or scan reference in it.",
        ]

    def test_names_twenty_of_many(self, alice_client: Client) -> None:
        page = look(alice_client, "client_id,name\nC-1,\n" + ",Ona\n" * 1050)

        assert len(page.context["problems"]) == 20
        assert "And 1,030 more lines." in page.text

    def test_finds_only_what_is_seen(self, alice_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        verification = make_verification(name="Hidden")
        monkeypatch.setattr(
            VerificationAdmin, "get_queryset", lambda self, request: Verification.objects.exclude(name="Hidden")
        )

        page = look(alice_client, verification.client_id)

        assert "1 line: 0 clients found, 1 not found." in page.text
        assert "Hidden" not in page.text

    def test_escapes_what_it_shows(self, alice_client: Client) -> None:
        page = look(alice_client, "client_id,name\n<script>x,</textarea><b>")

        assert "<script>x" not in page.text
        assert "</textarea><b>" not in page.text

    def test_takes_the_same_queries_for_1_line_and_for_500(self, alice_client: Client) -> None:
        verifications = make_verifications(500)
        look(alice_client, verifications[0].client_id)
        with CaptureQueriesContext(connection) as few:
            look(alice_client, verifications[0].client_id)
        with CaptureQueriesContext(connection) as many:
            look(alice_client, "\n".join(verification.client_id for verification in verifications))

        assert len(many) == len(few)


class TestBadInput:
    def test_is_nothing_at_all(self, alice_client: Client) -> None:
        page = look(alice_client, " \n")

        assert errors_of(page) == ["Paste client IDs or scan references, or choose a file."]
        assert "<title>Error:" in words_of(page)
        assert re.search(r"<textarea[^>]* autofocus", page.text)

    def test_is_both(self, alice_client: Client) -> None:
        page = look(alice_client, "C-1", file=b"C-2")

        assert errors_of(page) == ["You pasted a list and chose a file. Take one of the two."]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "There is no client ID and no scan reference in this list."),
            (SAMPLES / "excel.xlsx", "In Excel choose Save As and “CSV UTF-8 (Comma delimited)”"),
            (SAMPLES / "picture.png", "This is no text, but a picture"),
            (bytes(range(256)) * 40, "This is no text, but a picture"),
            (b"C-1\n" * (MAX_BYTES // 4 + 1), "The file is larger than 5 MB."),
            (b"".join(b"C-%d\n" % number for number in range(100_000)), "The list has more than 10,000 lines"),
            (b'C-1\n"C-2\n', "Line 2 cannot be read"),
        ],
        ids=["empty", "workbook", "picture", "rubbish", "large", "long", "quotes"],
    )
    def test_is_a_file_that_is_no_list(self, alice_client: Client, content: Any, words: str) -> None:
        page = look(alice_client, file=content)

        (sentence,) = errors_of(page)
        assert sentence.startswith(words) or words in sentence
        assert re.search(r'<input type="file"[^>]* autofocus', page.text)

    def test_is_a_paste_of_100_000_lines(self, alice_client: Client) -> None:
        page = look(alice_client, "\n".join(f"C-{number}" for number in range(100_000)))

        assert errors_of(page) == ["The list has more than 10,000 lines, and no more can be asked at once. Divide it."]

    def test_is_a_paste_that_django_refuses_to_read(self, alice_client: Client, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

        page = look(alice_client, "\n".join(f"C-{number}" for number in range(1000)))

        assert page.status_code == 200
        assert errors_of(page) == [
            "The list is too large to be pasted. Choose it as a file, keep only the column with the IDs, or divide it."
        ]

    def test_is_more_verifications_than_a_batch_may_hold(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"MAX_BATCH_SIZE": 3}
        for client_id in ("C-1", "C-2"):
            make_verifications(2, client_id=client_id)

        page = look(alice_client, "C-1\nC-2")

        assert errors_of(page) == [
            "These clients have more than 3 verifications, and no more can be asked at once. Divide the list."
        ]

    def test_is_what_another_site_sends(self, alice: Any) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        verification = make_verification()

        answers = [client.post(PAGE, {"text": verification.client_id, button: "1"}) for button in ("look", "_plan")]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert not RequestBatch.objects.exists()

    def test_is_not_what_the_page_itself_sends(self, alice: Any) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        token = client.get(PAGE).context["csrf_token"]

        assert client.post(PAGE, {"text": "C-1", "csrfmiddlewaretoken": str(token)}).status_code == 200

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
    def test_is_what_broke_off_on_its_way(self, alice: Any, kind: str) -> None:
        class Broken(io.BytesIO):
            def read(self, *args: Any) -> bytes:
                raise OSError("connection reset")

        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        answer = client.generic("POST", PAGE, b"text=C-1", kind, **{"wsgi.input": Broken()})  # type: ignore[arg-type]

        assert answer.status_code == 403


class TestPlanning:
    def test_makes_a_plan_of_who_was_found(self, alice_client: Client, alice: Any) -> None:
        clients = make_verifications(3)
        older = make_verification(client_id=clients[0].client_id, status="DENIED")
        page = look(alice_client, "\n".join([v.client_id for v in clients] + [clients[1].client_id, "X-1"]))

        answer = press(alice_client, page, "_plan")

        batch = RequestBatch.objects.get()
        assert answer.url == reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk])
        assert batch.planned_by == alice
        assert batch.selection == "From a list: 5 lines, 3 clients found, 1 double, 1 not found"
        assert batch.rows_in(State.DRAFT).count() == 3
        skipped = batch.rows_in(State.SKIPPED).get()
        assert (skipped.verification, skipped.reason) == (older, Reason.SAME_CLIENT)
        assert "From a list: 5 lines" in alice_client.get(answer.url).text

    @pytest.mark.no_cover
    def test_takes_1_200_clients_from_a_file(self, alice_client: Client) -> None:
        verifications = make_verifications(1200)
        page = look(alice_client, file="\r\n".join(v.scan_ref for v in verifications).encode("utf-8-sig"))

        press(alice_client, page, "_plan")

        assert RequestBatch.objects.get().rows_in(State.DRAFT).count() == 1200

    def test_says_what_the_administrator_must_set(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = {}
        page = look(alice_client, make_verification().client_id)

        answer = press(alice_client, page, "_plan")

        (message,) = messages_of(answer)
        assert "API_KEY" in message
        assert "1 line: 1 client found." in answer.text
        assert not RequestBatch.objects.exists()

    def test_plans_nothing_if_nobody_is_there_any_more(self, alice_client: Client) -> None:
        verification = make_verification()
        page = look(alice_client, verification.client_id)
        verification.delete()

        answer = press(alice_client, page, "_plan")

        assert "1 line: 0 clients found, 1 not found." in answer.text
        assert not RequestBatch.objects.exists()


class TestAdding:
    def test_is_offered_to_those_who_may_add(self, adder_client: Client, alice_client: Client) -> None:
        words = "2 of these 3 look like verifications that are not here yet."

        page = look(adder_client, NEW)

        assert words in page.text
        assert "Add 2 verifications" in page.text
        assert words not in look(alice_client, NEW).text
        assert not Verification.objects.exists()

    def test_adds_them_and_can_plan_without_pasting_again(self, adder_client: Client, adder: Any) -> None:
        page = look(adder_client, NEW)

        added = press(adder_client, page, "_add")

        assert messages_of(added) == ["2 verifications were added."]
        assert "3 lines: 2 clients found, 1 not found." in added.text
        assert buttons_of(added) == {"_plan"}
        assert list(Verification.objects.order_by("scan_ref").values_list("client_id", "name", "status")) == [
            ("C-1", "Šarūnas", "APPROVED"),
            ("", "", ""),
        ]

        press(adder_client, added, "_plan")

        assert RequestBatch.objects.get().rows_in(State.DRAFT).count() == 2
        logged = LogEntry.objects.filter(user=adder, action_flag=ADDITION)
        assert {(entry.object_repr, entry.get_change_message()) for entry in logged} == {
            ("S-1", "Added."),
            ("S-2", "Added."),
        }

    def test_changes_nothing_that_is_here(self, adder_client: Client) -> None:
        here = make_verification(scan_ref="S-1", name="Ona", status="DENIED")
        page = look(adder_client, NEW)

        press(adder_client, page, "_add")

        here.refresh_from_db()
        assert (here.name, here.status) == ("Ona", "DENIED")
        assert Verification.objects.count() == 2

    def test_pressed_twice_adds_once(self, adder_client: Client) -> None:
        page = look(adder_client, NEW)

        first, second = press(adder_client, page, "_add"), press(adder_client, page, "_add")

        assert Verification.objects.count() == 2
        assert (len(messages_of(first)), messages_of(second)) == (1, [])

    def test_names_every_bad_line_and_adds_nothing_before_they_are_mended(self, adder_client: Client) -> None:
        bad = f"{NEW}\nnot/good\tC-5\t\t\nS-6\t{'x' * 101}\t\t"

        page = look(adder_client, bad)
        pressed = adder_client.post(PAGE, {"text": bad, "_add": "1"})

        assert buttons_of(page) == set()
        for answer in (page, pressed):
            assert [problem.partition(":")[0] for problem in answer.context["problems"]] == ["Line 5", "Line 6"]
            assert "before these lines are mended" in answer.text
        assert not Verification.objects.exists()

    def test_stores_no_guessed_name(self, adder_client: Client) -> None:
        page = look(adder_client, file=SAMPLES / "excel_cp1257.csv")

        assert "_add" not in buttons_of(page)
        assert "Line 2: Some letters cannot be read. Save the list as “CSV UTF-8”, and look again." in page.text

    def test_is_refused_to_those_who_may_not(self, alice_client: Client) -> None:
        answer = alice_client.post(PAGE, {"text": NEW, "_add": "1"})

        assert answer.status_code == 403
        assert not Verification.objects.exists()

    def test_tells_the_record_and_the_log_no_name(self, adder_client: Client, caplog: pytest.LogCaptureFixture) -> None:
        page = press(adder_client, look(adder_client, NEW), "_add")
        press(adder_client, page, "_plan")

        said = [*caplog.messages, *LogEntry.objects.values_list("object_repr", flat=True)]
        said += map(str, RequestEvent.objects.values_list("params", flat=True))
        assert not [text for text in said if "Šarūnas" in text]
