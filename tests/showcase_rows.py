"""The rows behind the pages of ``tests/showcase.py``: in every state, and with data as awkward as life.

It is in no Latin script, so that whatever Latin words a page has come from a template or from code; some of it is long,
some unbroken, some written from right to left.
"""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import BatchState, EventKind, PauseReason, Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification, WebhookDelivery
from idenfy_kyc.services.record import note_batch, note_requests
from idenfy_kyc.testing import identification, signed_headers
from tests import factories

OFFICER = "officer@example.com"
NAMES = (
    "Ελένη Παπαδοπούλου",
    "محمد بن خالد",
    "Олена Щербакова",
    "דוד כהן",
    "欧阳小龙",
    "Αλεξάνδρα-Κωνσταντίνα Παπαχριστοδουλοπούλου-Καραγιαννοπούλου του Αριστομένους",
    "",
)
NOTE = "Ετήσιος έλεγχος 2026"
LONG_NOTE = f"{NOTE}: πελάτες_υψηλού_κινδύνου_που_επαληθεύτηκαν_πριν_από_το_2025_και_δεν_ρωτήθηκαν_ποτέ"
SELECTION = "Κατάσταση: εγκεκριμένοι"
SAID = "«Ο-κωδικός-του-ερωτηματολογίου-δεν-υπάρχει-στον-λογαριασμό-σας-και-δεν-υπήρξε-ποτέ» (№ 404)"
QUESTIONNAIRE = "πηγή-κεφαλαίων"

_numbers = itertools.count(1)


def verification(**fields: Any) -> Verification:
    number = next(_numbers)
    usual = {"client_id": f"1-{number:04}", "name": NAMES[number % len(NAMES)]}
    return factories.make_verification(**usual | fields)


def request(state: State, **fields: Any) -> InformationRequest:
    if "batch" not in fields:
        fields["batch"] = batch(confirmed=state not in {State.DRAFT, State.SKIPPED})
    fields = {"verification": verification()} | fields
    return factories.make_request(state, **fields)


def batch(*states: State, confirmed: bool = True, **fields: Any) -> RequestBatch:
    """A batch of requests in these states."""
    usual = {
        "note": NOTE,
        "questionnaire": QUESTIONNAIRE,
        "additional_step_upload_required": True,
        "selection": SELECTION,
        "planned_by_name": "Ράσα",
    }
    if confirmed:
        usual["confirmed_by_name"] = "Ράσα"
    made = factories.make_batch(confirmed=confirmed, **usual | fields)
    for state in states:
        in_state(state, batch=made)
    return made


def in_state(state: State, **fields: Any) -> InformationRequest:
    """A request with what is said of one in this state: iDenfy's words, or our reason."""
    return request(state, **_said(state) | fields)


def _said(state: State) -> dict[str, Any]:
    if state is State.REFUSED:
        return {"message": SAID, "status_code": 400, "identifier": "BAD_VALUE"}
    reasons = {State.UNKNOWN: Reason.NO_ANSWER, State.SKIPPED: Reason.INELIGIBLE, State.CANCELLED: Reason.WITHDRAWN}
    params = {State.SKIPPED: {"status": "DELETED"}, State.CANCELLED: {"note": NOTE}}
    return {"reason": reasons[state], "reason_params": params.get(state, {})} if state in reasons else {}


def a_plan() -> RequestBatch:
    """A plan with somebody in each of its groups."""
    open_already = request(State.ISSUED).verification
    withdrawn = request(State.CANCELLED).verification
    twice = verification()
    chosen = [
        *(verification() for _ in NAMES),
        *(verification(status=status) for status in ("DENIED", "SUSPECTED", "")),
        verification(status="DELETED"),
        twice,
        verification(client_id=twice.client_id),
        open_already,
        withdrawn,
    ]
    return services.plan(chosen, planned_by=None, selection=SELECTION)


def a_plan_left_out() -> RequestBatch:
    """A plan of which somebody has left out one."""
    made = services.plan([verification(), verification(), verification()], planned_by=None, selection=SELECTION)
    services.leave_out(made, made.requests.values_list("pk", flat=True)[:1], by=officer())
    return made


def an_old_plan(count: int = 1) -> RequestBatch:
    """A plan of the officer's own, eight days old."""
    made = services.plan([verification() for _ in range(count)], planned_by=officer(), selection=SELECTION)
    RequestBatch.objects.filter(pk=made.pk).update(planned_at=timezone.now() - timedelta(days=8))
    return made


def a_plan_that_asks_again() -> RequestBatch:
    """One that follows two batches which asked for different things, with an uncertain request among theirs."""
    before = [
        *batch(State.UNKNOWN, State.REFUSED).requests.all(),
        *batch(State.EXPIRED, questionnaire="").requests.all(),
    ]
    return services.ask_again(before, planned_by=officer(), selection=SELECTION)


def asked_again() -> InformationRequest:
    """A request that was followed by another one."""
    first = request(State.EXPIRED)
    request(State.ISSUED, verification=first.verification, again_of=first)
    return first


QUESTIONS = {
    "title": "Πηγή κεφαλαίων",
    "sections": [
        {
            "title": "Τα χρήματά σας",
            "questions": [
                {
                    "key": "1",
                    "title": "Από πού;",
                    "type": "TEXT_AREA",
                    "value": "Μισθός\nκαι αποταμιεύσεις_" + "α" * 90,
                },
                {"key": "2", "title": "מאין?", "type": "TEXT", "value": "محمد بن خالد"},
                {"key": "3", "title": "Απόδειξη", "type": "FILE", "value": "https://files.example.com/7"},
                {"key": "4", "title": "Κάτι άλλο;", "type": "TEXT", "value": ""},
            ],
        }
    ],
}


def told(event: str, about: Verification | None = None, **changes: Any) -> WebhookDelivery:
    """iDenfy tells us something of a verification; of none, something that cannot be handled."""
    said = {"client_id": "", "first_name": "ΕΛΕΝΗ", "last_name": "ΠΑΠΑΔΟΠΟΥΛΟΥ"} | changes
    body = json.dumps(identification(about.scan_ref, **said) if about else {"№": next(_numbers)}).encode()
    headers = signed_headers(event, body)
    return services.receive(event_type=event, body=body, signature=headers["Idenfy-Signature"])


def answered(state: State = State.ISSUED, *, final: bool = False, **changes: Any) -> InformationRequest:
    """A request that the client has answered, with everything that an answer can hold."""
    made = request(state, verification=verification(is_final=True))
    said = {
        "questionnaire": QUESTIONS,
        "risk": {"riskScore": 42, "riskLevel": "MEDIUM"},
        "additional_step": "INVALID",
        "mismatch_tags": ["NAME", "DOCUMENT_NUMBER"],
        "bankCardVerification": {"status": "MATCH"},
    }
    told("IDENTIFICATION_RESUBMITTED", made.verification, final=final, **said | changes)
    return InformationRequest.objects.get(pk=made.pk)


def answered_elsewhere() -> Verification:
    """A verification whose client has answered what nobody here had asked."""
    made = verification(is_final=True)
    told("IDENTIFICATION_RESUBMITTED", made, questionnaire=QUESTIONS)
    return made


def erased() -> Verification:
    """A verification whose client's data is gone."""
    made = answered().verification
    services.erase([made], by=officer())
    return made


def deliveries() -> WebhookDelivery:
    """Deliveries of each kind; the last one could not be handled."""
    about = verification()
    for event in ("IDENTIFICATION_AUTO_FINISHED", "IDENTIFICATION_AUTO_FINISHED", "IDENTIFICATION_MANUAL_FINISHED"):
        told(event, about)
    told("AML_MONITORING")
    return told("IDENTIFICATION_MANUAL_FINISHED")


def officer() -> Any:
    return get_user_model()._default_manager.get(**{get_user_model().USERNAME_FIELD: OFFICER})


def paused(reason: PauseReason, *, until: timedelta | None = None, **params: Any) -> RequestBatch:
    now = timezone.now()
    return batch(
        *(State.ISSUED, State.REFUSED, State.UNKNOWN, State.QUEUED, State.QUEUED, State.SKIPPED),
        paused_at=now,
        pause_reason=reason,
        pause_params=params,
        paused_until=now + until if until else None,
    )


def in_every_state() -> RequestBatch:
    """A batch that is over, with a row in each state in which one can be then."""
    made = batch(
        *(State.ISSUED, State.ISSUED, State.REFUSED, State.UNKNOWN, State.COMPLETED),
        *(State.EXPIRED, State.CANCELLED, State.SKIPPED),
        note=LONG_NOTE,
    )
    assert services.progress_of(made).state is BatchState.DONE
    by = officer()
    note_batch(EventKind.CONFIRMED, made, by=by, clients=7)
    note_requests(EventKind.LEFT_OUT, made.rows_in(State.SKIPPED), by=by)
    note_requests(EventKind.WITHDRAWN, made.rows_in(State.CANCELLED), by=by, note=LONG_NOTE)
    note_requests(EventKind.DOWNLOADED, made.rows_in(State.ISSUED), by=by)
    return made


def a_list() -> str:
    """As Risk sends it: two clients, one of them twice, and references that are not here yet."""
    one, other = verification(), verification()
    lines = [f"{made.scan_ref};{made.client_id}" for made in (one, other, one)]
    return "\n".join(["scan_ref;client_id", *lines, "7-7-7-1;1-7", "7-7-7-2;1-8"])
