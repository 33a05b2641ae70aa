"""Who may do what: every URL of the app and of its admin, for everybody, with every method.

A cell says how the server answers: a status, or ``login`` for a redirect to the login page. ``!`` says that something
was written; a cell without it proves that nothing was. No cell has a ``?``: it would say that somebody saw what is not
for his eyes, such as a link, or a client's name without a permission of this app. The word behind an address is what is
sent there: see ``forms``.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.models import (
    Answer,
    InformationRequest,
    RequestBatch,
    RequestEvent,
    Verification,
    WebhookDelivery,
    WebhookRejection,
)
from idenfy_kyc.testing import identification
from idenfy_kyc.testing.plugin import RunningFake
from tests.admin.pages import BROWSER, filled_in, make_plan, shown
from tests.canary import Kind, Marks
from tests.factories import make_batch, make_queue, make_request, make_verification, verification_fields

pytestmark = [pytest.mark.django_db, pytest.mark.no_cover]

PEOPLE = ("anonymous", "mallory", "eve", "dora", "bob", "carol", "alice", "root", "erin", "rita")
"""The columns; who they are, stands in ``tests.personas``. Those who have no column are answered as bob is."""

TABLE = """
                                                            anon.  mallory eve    dora   bob    carol  alice  root
GET    admin/idenfy_kyc/                                    login  login  404    200    200    200    200    200
POST   admin/idenfy_kyc/                                    login  login  404    200    200    200    200    200
GET    admin/autocomplete/ field                            login  login  403    200    200    200    200    200
POST   admin/autocomplete/ field                            login  login  405    405    405    405    405    405
GET    admin/r/<type>/<issued>/                             login  login  404    404    404    404    404    404
POST   admin/r/<type>/<issued>/                             login  login  404    404    404    404    404    404

GET    verification/                                        login  login  403    200    200    200    200    200
POST   verification/ ask                                    login  login  403    403    403    403    302!   302!
POST   verification/ refresh                                login  login  403    403    403    403    302!   302!
POST   verification/ delete                                 login  login  403    302!   403    403    403    302!
POST   verification/ delete-asked                           login  login  403    200    403    403    403    200
PUT    verification/                                        login  login  403    200    200    200    200    200
DELETE verification/                                        login  login  403    200    200    200    200    200
GET    verification/add/                                    login  login  403    200    403    403    403    200
POST   verification/add/ new                                login  login  403    302!   403    403    403    302!
PUT    verification/add/                                    login  login  403    200    403    403    403    200
DELETE verification/add/                                    login  login  403    200    403    403    403    200
GET    verification/ask-from-list/                          login  login  403    403    403    403    200    200
POST   verification/ask-from-list/ list                     login  login  403    403    403    403    200    200
POST   verification/ask-from-list/ list-plan                login  login  403    403    403    403    302!   302!
POST   verification/ask-from-list/ list-add                 login  login  403    403    403    403    403    200!
PUT    verification/ask-from-list/                          login  login  403    403    403    403    405    405
DELETE verification/ask-from-list/                          login  login  403    403    403    403    405    405
GET    verification/<free>/                                 login  login  302    302    302    302    302    302
POST   verification/<free>/                                 login  login  302    302    302    302    302    302
GET    verification/<free>/change/                          login  login  403    200    200    200    200    200
POST   verification/<free>/change/ edited                   login  login  403    302!   403    403    403    302!
PUT    verification/<free>/change/                          login  login  403    200    200    200    200    200
DELETE verification/<free>/change/                          login  login  403    200    200    200    200    200
GET    verification/<free>/delete/                          login  login  403    200    403    403    403    200
POST   verification/<free>/delete/ yes                      login  login  403    302!   403    403    403    302!
POST   verification/<asked>/delete/ yes                     login  login  403    403    403    403    403    403
PUT    verification/<free>/delete/                          login  login  403    200    403    403    403    200
DELETE verification/<free>/delete/                          login  login  403    200    403    403    403    200
GET    verification/<free>/history/                         login  login  403    200    200    200    200    200
POST   verification/<free>/history/                         login  login  403    200    200    200    200    200
GET    verification/<free>/request-information/             login  login  302    302    302    302    302    302
POST   verification/<free>/request-information/             login  login  403    403    403    403    302!   302!
PUT    verification/<free>/request-information/             login  login  405    405    405    405    405    405
DELETE verification/<free>/request-information/             login  login  405    405    405    405    405    405
GET    verification/<free>/refresh/                         login  login  302    302    302    302    302    302
POST   verification/<free>/refresh/                         login  login  403    403    403    403    302!   302!
PUT    verification/<free>/refresh/                         login  login  405    405    405    405    405    405
DELETE verification/<free>/refresh/                         login  login  405    405    405    405    405    405
POST   verification/<none>/refresh/                         login  login  403    403    403    403    302    302
GET    verification/<none>/change/                          login  login  403    302    302    302    302    302

                                                            anon.  mallory eve    dora   bob    carol  alice  root  erin
POST   verification/ erase-ticked                           login  login  403    403    403    403    403    302!   302!
GET    verification/<free>/erase/                           login  login  403    403    403    403    403    200    200
POST   verification/<free>/erase/ erase                     login  login  403    403    403    403    403    302!   302!
POST   verification/<free>/erase/ wrong-id                  login  login  403    403    403    403    403    200    200
PUT    verification/<free>/erase/                           login  login  403    403    403    403    403    405    405
DELETE verification/<free>/erase/                           login  login  403    403    403    403    403    405    405
GET    verification/<none>/erase/                           login  login  403    403    403    403    403    302    302
GET    verification/<erased>/change/                        login  login  403    200    200    200    200    200
POST   verification/<erased>/change/ edited                 login  login  403    403    403    403    403    403
POST   verification/<erased>/delete/ yes                    login  login  403    403    403    403    403    403
POST   verification/<erased>/erase/ erase                   login  login  403    403    403    403    403    302    302
POST   verification/<none>/request-information/             login  login  403    403    403    403    302    302

GET    informationrequest/                                  login  login  403    403    200    200    200    200
POST   informationrequest/ withdraw                         login  login  403    403    403    403    302!   302!
POST   informationrequest/ mark                             login  login  403    403    403    403    302!   302!
POST   informationrequest/ again                            login  login  403    403    403    403    302!   302!
POST   informationrequest/ download                         login  login  403    403    403    200!   403    200!
POST   informationrequest/ delete                           login  login  403    403    403    403    403    403
PUT    informationrequest/                                  login  login  403    403    200    200    200    200
DELETE informationrequest/                                  login  login  403    403    200    200    200    200
GET    informationrequest/add/                              login  login  403    403    403    403    403    403
POST   informationrequest/add/                              login  login  403    403    403    403    403    403
GET    informationrequest/<issued>/                         login  login  302    302    302    302    302    302
POST   informationrequest/<issued>/                         login  login  302    302    302    302    302    302
GET    informationrequest/<issued>/change/                  login  login  403    403    200    200    200    200
POST   informationrequest/<issued>/change/                  login  login  403    403    405    405    405    405
GET    informationrequest/<issued>/delete/                  login  login  403    403    403    403    403    403
POST   informationrequest/<issued>/delete/ yes              login  login  403    403    403    403    403    403
GET    informationrequest/<issued>/history/                 login  login  403    403    200    200    200    200
POST   informationrequest/<issued>/history/                 login  login  403    403    200    200    200    200
GET    informationrequest/<issued>/show-link/               login  login  302    302    302    302    302    302
POST   informationrequest/<issued>/show-link/               login  login  403    403    403    200!   403    200!
PUT    informationrequest/<issued>/show-link/               login  login  405    405    405    405    405    405
DELETE informationrequest/<issued>/show-link/               login  login  405    405    405    405    405    405
POST   informationrequest/<over>/show-link/                 login  login  403    403    403    200    403    200
GET    informationrequest/<issued>/withdraw/                login  login  403    403    403    403    200    200
POST   informationrequest/<issued>/withdraw/ why            login  login  403    403    403    403    302!   302!
PUT    informationrequest/<issued>/withdraw/                login  login  405    405    405    405    405    405
DELETE informationrequest/<issued>/withdraw/                login  login  405    405    405    405    405    405
GET    informationrequest/<issued>/mark-answered/           login  login  403    403    403    403    200    200
POST   informationrequest/<issued>/mark-answered/ seen      login  login  403    403    403    403    302!   302!
PUT    informationrequest/<issued>/mark-answered/           login  login  405    405    405    405    405    405
DELETE informationrequest/<issued>/mark-answered/           login  login  405    405    405    405    405    405
GET    informationrequest/<over>/again/                     login  login  302    302    302    302    302    302
POST   informationrequest/<over>/again/                     login  login  403    403    403    403    302!   302!
PUT    informationrequest/<over>/again/                     login  login  405    405    405    405    405    405
DELETE informationrequest/<over>/again/                     login  login  405    405    405    405    405    405
GET    informationrequest/<none>/change/                    login  login  403    403    302    302    302    302
POST   informationrequest/<none>/show-link/                 login  login  403    403    403    302    403    302

GET    requestbatch/                                        login  login  403    403    200    200    200    200
POST   requestbatch/ delete                                 login  login  403    403    403    403    403    403
GET    requestbatch/add/                                    login  login  403    403    403    403    403    403
POST   requestbatch/add/                                    login  login  403    403    403    403    403    403
GET    requestbatch/<plan>/                                 login  login  302    302    302    302    302    302
POST   requestbatch/<plan>/                                 login  login  302    302    302    302    302    302
GET    requestbatch/<plan>/change/                          login  login  403    403    200    200    200    200
GET    requestbatch/<queue>/change/                         login  login  403    403    200    200    200    200
GET    requestbatch/<done>/change/                          login  login  403    403    200    200    200    200
POST   requestbatch/<plan>/change/ confirm                  login  login  403    403    403    403    302!   302!
POST   requestbatch/<plan>/change/ save                     login  login  403    403    403    403    302!   302!
PUT    requestbatch/<plan>/change/                          login  login  405    405    405    405    405    405
DELETE requestbatch/<plan>/change/                          login  login  405    405    405    405    405    405
GET    requestbatch/<plan>/delete/                          login  login  403    403    403    403    403    403
POST   requestbatch/<plan>/delete/ yes                      login  login  403    403    403    403    403    403
GET    requestbatch/<plan>/history/                         login  login  403    403    200    200    200    200
POST   requestbatch/<plan>/history/                         login  login  403    403    200    200    200    200
GET    requestbatch/<plan>/leave-out/                       login  login  302    302    302    302    302    302
POST   requestbatch/<plan>/leave-out/ tick                  login  login  403    403    403    403    302!   302!
PUT    requestbatch/<plan>/leave-out/                       login  login  405    405    405    405    405    405
DELETE requestbatch/<plan>/leave-out/                       login  login  405    405    405    405    405    405
GET    requestbatch/<plan>/take-back/                       login  login  302    302    302    302    302    302
POST   requestbatch/<plan>/take-back/ tick-left-out         login  login  403    403    403    403    302!   302!
PUT    requestbatch/<plan>/take-back/                       login  login  405    405    405    405    405    405
DELETE requestbatch/<plan>/take-back/                       login  login  405    405    405    405    405    405
GET    requestbatch/<plan>/discard/                         login  login  302    302    302    302    302    302
POST   requestbatch/<plan>/discard/                         login  login  403    403    403    403    302!   302!
POST   requestbatch/<queue>/discard/                        login  login  403    403    403    403    302    302
PUT    requestbatch/<plan>/discard/                         login  login  405    405    405    405    405    405
DELETE requestbatch/<plan>/discard/                         login  login  405    405    405    405    405    405
GET    requestbatch/<queue>/send/                           login  login  302    302    302    302    302    302
GET    requestbatch/<queue>/send/ script                    login  login  405    405    405    405    405    405
POST   requestbatch/<queue>/send/                           login  login  403    403    403    403    302!   302!
POST   requestbatch/<queue>/send/ script                    login  login  403    403    403    403    200!   200!
POST   requestbatch/<plan>/send/                            login  login  403    403    403    403    302    302
PUT    requestbatch/<queue>/send/                           login  login  405    405    405    405    405    405
DELETE requestbatch/<queue>/send/                           login  login  405    405    405    405    405    405
GET    requestbatch/<queue>/progress/                       login  login  403    403    200    200    200    200
GET    requestbatch/<queue>/progress/ script                login  login  403    403    200    200    200    200
POST   requestbatch/<queue>/progress/ script                login  login  405    405    405    405    405    405
PUT    requestbatch/<queue>/progress/                       login  login  405    405    405    405    405    405
DELETE requestbatch/<queue>/progress/                       login  login  405    405    405    405    405    405
GET    requestbatch/<queue>/pause/                          login  login  302    302    302    302    302    302
POST   requestbatch/<queue>/pause/                          login  login  403    403    403    403    302!   302!
PUT    requestbatch/<queue>/pause/                          login  login  405    405    405    405    405    405
DELETE requestbatch/<queue>/pause/                          login  login  405    405    405    405    405    405
GET    requestbatch/<stopped>/continue/                     login  login  302    302    302    302    302    302
POST   requestbatch/<stopped>/continue/                     login  login  403    403    403    403    302!   302!
PUT    requestbatch/<stopped>/continue/                     login  login  405    405    405    405    405    405
DELETE requestbatch/<stopped>/continue/                     login  login  405    405    405    405    405    405
GET    requestbatch/<done>/withdraw/                        login  login  302    302    302    302    302    302
POST   requestbatch/<done>/withdraw/ why                    login  login  403    403    403    403    302!   302!
PUT    requestbatch/<done>/withdraw/                        login  login  405    405    405    405    405    405
DELETE requestbatch/<done>/withdraw/                        login  login  405    405    405    405    405    405
GET    requestbatch/<done>/mark-answered/                   login  login  302    302    302    302    302    302
POST   requestbatch/<done>/mark-answered/ seen              login  login  403    403    403    403    302!   302!
PUT    requestbatch/<done>/mark-answered/                   login  login  405    405    405    405    405    405
DELETE requestbatch/<done>/mark-answered/                   login  login  405    405    405    405    405    405
GET    requestbatch/<done>/again/                           login  login  302    302    302    302    302    302
POST   requestbatch/<done>/again/ refused                   login  login  403    403    403    403    302!   302!
PUT    requestbatch/<done>/again/                           login  login  405    405    405    405    405    405
DELETE requestbatch/<done>/again/                           login  login  405    405    405    405    405    405
GET    requestbatch/<done>/download/                        login  login  302    302    302    302    302    302
POST   requestbatch/<done>/download/                        login  login  403    403    403    200!   403    200!
PUT    requestbatch/<done>/download/                        login  login  405    405    405    405    405    405
DELETE requestbatch/<done>/download/                        login  login  405    405    405    405    405    405
GET    requestbatch/<none>/change/                          login  login  403    403    302    302    302    302
POST   requestbatch/<none>/send/                            login  login  403    403    403    403    302    302
POST   requestbatch/<none>/send/ script                     login  login  403    403    403    403    404    404

                                                    anon.  mallory eve    dora   bob    carol  alice  root   erin   rita
GET    verification/<free>/look-at/                 login  login  302    302    302    302    302    302
POST   verification/<free>/look-at/                 login  login  403    403    403    403    403    302    403    302
POST   verification/<asked>/look-at/                login  login  403    403    403    403    403    302!   403    302!
PUT    verification/<free>/look-at/                 login  login  405    405    405    405    405    405
DELETE verification/<free>/look-at/                 login  login  405    405    405    405    405    405
POST   informationrequest/ look                     login  login  403    403    403    403    403    302!   403    302!
GET    informationrequest/<issued>/look-at/         login  login  302    302    302    302    302    302
POST   informationrequest/<issued>/look-at/         login  login  403    403    403    403    403    302    403    302
POST   informationrequest/<answered>/look-at/       login  login  403    403    403    403    403    302!   403    302!
GET    informationrequest/<answered>/change/        login  login  403    403    200    200    200    200
PUT    informationrequest/<issued>/look-at/         login  login  405    405    405    405    405    405
DELETE informationrequest/<issued>/look-at/         login  login  405    405    405    405    405    405

                                                            anon.  mallory eve    dora   bob    carol  alice  root
GET    webhookdelivery/                                     login  login  403    403    200    200    200    200
POST   webhookdelivery/ handle                              login  login  403    403    403    403    302!   302!
POST   webhookdelivery/ aside                               login  login  403    403    403    403    302!   302!
PUT    webhookdelivery/                                     login  login  403    403    200    200    200    200
DELETE webhookdelivery/                                     login  login  403    403    200    200    200    200
GET    webhookdelivery/add/                                 login  login  403    403    403    403    403    403
POST   webhookdelivery/add/                                 login  login  403    403    403    403    403    403
PUT    webhookdelivery/add/                                 login  login  403    403    403    403    403    403
DELETE webhookdelivery/add/                                 login  login  403    403    403    403    403    403
GET    webhookdelivery/<failed>/                            login  login  302    302    302    302    302    302
POST   webhookdelivery/<failed>/                            login  login  302    302    302    302    302    302
GET    webhookdelivery/<failed>/change/                     login  login  403    403    200    200    200    200
POST   webhookdelivery/<failed>/change/ edited              login  login  403    403    403    403    403    403
PUT    webhookdelivery/<failed>/change/                     login  login  403    403    200    200    200    200
DELETE webhookdelivery/<failed>/change/                     login  login  403    403    200    200    200    200
GET    webhookdelivery/<failed>/delete/                     login  login  403    403    403    403    403    403
POST   webhookdelivery/<failed>/delete/ yes                 login  login  403    403    403    403    403    403
PUT    webhookdelivery/<failed>/delete/                     login  login  403    403    403    403    403    403
DELETE webhookdelivery/<failed>/delete/                     login  login  403    403    403    403    403    403
GET    webhookdelivery/<failed>/history/                    login  login  403    403    200    200    200    200
POST   webhookdelivery/<failed>/history/                    login  login  403    403    200    200    200    200
PUT    webhookdelivery/<failed>/history/                    login  login  403    403    200    200    200    200
DELETE webhookdelivery/<failed>/history/                    login  login  403    403    200    200    200    200

GET    idenfy/r/<link>/                                     200    200    200    200    200    200    200    200
POST   idenfy/r/<link>/                                     303!   303!   200    200    200    200    200    200
PUT    idenfy/r/<link>/                                     200    200    200    200    200    200    200    200
DELETE idenfy/r/<link>/                                     200    200    200    200    200    200    200    200
GET    idenfy/r/<link-over>/                                410    410    410    410    410    410    410    410
POST   idenfy/r/<link-over>/                                410    410    410    410    410    410    410    410
GET    idenfy/r/<no-link>/                                  404    404    404    404    404    404    404    404
POST   idenfy/r/<no-link>/                                  404    404    404    404    404    404    404    404
GET    idenfy/webhook/                                      405    405    405    405    405    405    405    405
POST   idenfy/webhook/                                      400!   400!   400!   400!   400!   400!   400!   400!
PUT    idenfy/webhook/                                      405    405    405    405    405    405    405    405
DELETE idenfy/webhook/                                      405    405    405    405    405    405    405    405
GET    idenfy/webhook                                       405    405    405    405    405    405    405    405
POST   idenfy/webhook                                       400!   400!   400!   400!   400!   400!   400!   400!
PUT    idenfy/webhook                                       405    405    405    405    405    405    405    405
DELETE idenfy/webhook                                       405    405    405    405    405    405    405    405
"""

OTHERS = {
    "admin/",
    "admin/login/",
    "admin/logout/",
    "admin/password_change/",
    "admin/password_change/done/",
    "admin/jsi18n/",
    "admin/auth/group/",
    "admin/auth/group/add/",
    "admin/auth/group/<>/",
    "admin/auth/group/<>/change/",
    "admin/auth/group/<>/delete/",
    "admin/auth/group/<>/history/",
    "admin/(?P<>.*)$",
}
"""What Django's admin has besides, whichever apps there are."""

RECORD = (
    Answer,
    InformationRequest,
    LogEntry,
    RequestBatch,
    RequestEvent,
    Verification,
    WebhookDelivery,
    WebhookRejection,
)


class Line(NamedTuple):
    """What is asked, and how it is answered to each of ``PEOPLE``."""

    method: str
    address: str
    sends: str
    answers: tuple[str, ...]

    @classmethod
    def from_text(cls, text: str) -> Line:
        words = text.split()
        cells = [word for word in words if re.fullmatch(r"login|\d{3}!?", word)]
        asked = words[: -len(cells)]
        like_bob = [cells[PEOPLE.index("bob")]] * (len(PEOPLE) - len(cells))
        return cls(asked[0], asked[1], " ".join(asked[2:]), (*cells, *like_bob))

    @property
    def route(self) -> str:
        """The address without what it is about, as ``routes`` has it."""
        return re.sub("<.*?>", "<>", self.address)

    @property
    def may_show_links(self) -> bool:
        """Whether this is where one asks for links, or what one sees behind a link of one's own."""
        return self.sends == "download" or bool(re.search("show-link|download|^idenfy", self.address))

    def __str__(self) -> str:
        asked = f"{self.method:6} {self.address} {self.sends}"
        return f"{asked:59} {' '.join(f'{answer:6}' for answer in self.answers)}".rstrip()


LINES = [Line.from_text(text) for text in TABLE.splitlines() if text and not text.startswith(" ")]


def routes(patterns: list[URLPattern | URLResolver] | None = None, before: str = "") -> Iterator[str]:
    """Every URL of the tests' project; those of our admin without what all of them begin with."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + re.sub(r"<.*?>", "<>", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield re.sub(r"^admin/idenfy_kyc/(?=.)", "", route.replace("^(?P<>auth|idenfy_kyc)/$", "idenfy_kyc/"))


class TestTheTable:
    def test_has_every_url_and_no_other(self) -> None:
        assert {line.route for line in LINES} == set(routes()) - OTHERS

    def test_tries_get_and_post_everywhere_and_more_where_something_can_be_written(self) -> None:
        tried, writes = defaultdict(set), set()
        for line in LINES:
            tried[line.route].add(line.method)
            if "!" in "".join(line.answers):
                writes.add(line.route)

        assert {route for route, methods in tried.items() if not methods >= {"GET", "POST"}} == set()
        assert {route for route in writes if len(tried[route]) < 4} == set()

    def test_tries_every_action_of_every_list(self, root: Any, forms: dict[str, dict[str, Any]]) -> None:
        request = RequestFactory().get("/")
        request.user = root
        offered = {
            (model._meta.model_name, name)
            for model, model_admin in admin.site._registry.items()
            if model._meta.app_label == "idenfy_kyc"
            for name in model_admin.get_actions(request)
        }

        tried = {(line.route.rstrip("/"), forms[line.sends].get("action")) for line in LINES if line.method == "POST"}
        assert offered - tried == set()

    def test_lets_nothing_be_written_by_anything_but_a_post(self) -> None:
        assert [str(line) for line in LINES if line.method != "POST" and "!" in "".join(line.answers)] == []


def broke_off() -> WebhookDelivery:
    """A delivery that could not be handled, and would be now."""
    body = json.dumps(identification("scan-1")).encode()
    return WebhookDelivery.objects.create(
        digest="d", event_type="IDENTIFICATION", scan_ref="scan-1", body=body.decode("latin-1"), problem="broke_off"
    )


def make_plan_with_one_left_out() -> RequestBatch:
    """Of three."""
    plan = make_plan(3)
    services.leave_out(plan, [plan.requests.order_by("pk")[0].pk], by=None)
    return plan


@pytest.fixture
def things(fake_idenfy: RunningFake) -> dict[str, Any]:
    """What the addresses are about: one of each."""
    done = make_batch(confirmed=True)
    issued, over = make_request(State.ISSUED, batch=done), make_request(State.CANCELLED)
    make_request(State.REFUSED, batch=done)
    answered = make_request(State.COMPLETED)
    question = {"title": "Since when?", "type": "TEXT", "answers": ["s3cret-answer"]}
    said = json.dumps({"title": "Funds", "sections": [{"title": "About you", "questions": [question]}]})
    Answer.objects.create(verification=answered.verification, request=answered, identity="i", questionnaire_json=said)
    Answer.objects.create(verification=issued.verification, identity="of another", questionnaire_json=said)
    stopped = make_queue(1)
    RequestBatch.objects.filter(pk=stopped.pk).update(paused_at=stopped.confirmed_at, pause_reason=PauseReason.PERSON)
    return {
        "free": make_verification().pk,
        "asked": issued.verification_id,
        "erased": make_verification(name="", client_id="", erased_at=timezone.now()).pk,
        "issued": issued.pk,
        "answered": answered.pk,
        "over": over.pk,
        "plan": make_plan_with_one_left_out().pk,
        "queue": make_queue(1).pk,
        "stopped": stopped.pk,
        "done": done.pk,
        "none": 987654,
        "type": ContentType.objects.get_for_model(InformationRequest).pk,
        "failed": broke_off().pk,
        "unreadable": WebhookDelivery.objects.create(digest="u", problem="unreadable").pk,
        "link": issued.public_id,
        "link-over": over.public_id,
        "no-link": uuid.UUID(int=0),
    }


@pytest.fixture
def forms(things: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the words behind an address send."""
    draft = InformationRequest.objects.filter(batch=things["plan"], state=State.DRAFT)[0]
    left_out = InformationRequest.objects.get(batch=things["plan"], state=State.SKIPPED)
    new = verification_fields(verified_at="")
    rows = {"_selected_action": things["issued"]}
    issued = shown(InformationRequest.objects.get(pk=things["issued"]))
    listed = {"text": f"scan_ref\n{Verification.objects.get(pk=things['free']).scan_ref}\nnot-here"}
    erase = {"_erase": "1", "expected": "1", "typed": Verification.objects.get(pk=things["free"]).client_id}
    return {
        "": {},
        "script": {},
        "yes": {"post": "yes"},
        "field": {"app_label": "idenfy_kyc", "model_name": "informationrequest", "field_name": "verification"},
        "new": new,
        "list": listed,
        "list-plan": listed | {"_plan": "1"},
        "list-add": listed | {"_add": "1"},
        "edited": new | {"name": "Somebody Else"},
        "refresh": {"action": "refresh", "_selected_action": things["free"]},
        "ask": {"action": "request_information", "_selected_action": things["free"]},
        "delete": {"action": "delete_selected", "_selected_action": things["free"], "post": "yes"},
        "delete-asked": {"action": "delete_selected", "_selected_action": things["asked"], "post": "yes"},
        "withdraw": {"action": "withdraw", "_withdraw": "1", "note": "wrong", "shown": issued} | rows,
        "mark": {"action": "mark_answered", "_mark": "1", "note": "seen", "shown": issued} | rows,
        "again": {"action": "ask_again"} | rows,
        "look": {"action": "look_at", "_selected_action": things["answered"]},
        "download": {"action": "download_links"} | rows,
        "erase": erase,
        "wrong-id": erase | {"typed": "C-0"},
        "erase-ticked": erase | {"action": "erase_personal_data", "_selected_action": things["free"]},
        "confirm": filled_in(expected="2"),
        "save": filled_in(_save="Save"),
        "tick": {"row": draft.pk},
        "handle": {"action": "handle_again", "_selected_action": things["failed"]},
        "aside": {"action": "set_aside", "_selected_action": things["unreadable"]},
        "tick-left-out": {"row": left_out.pk},
        "why": {"_withdraw": "1", "note": "wrong", "shown": issued},
        "seen": {"_mark": "1", "note": "seen", "shown": issued, "outcome": "issued"},
        "refused": {"outcome": "refused"},
    }


@pytest.fixture
def clients(request: pytest.FixtureRequest) -> dict[str, Client]:
    """Somebody's browser, for each of ``PEOPLE``."""
    return {name: request.getfixturevalue(name if name == "anonymous" else f"{name}_client") for name in PEOPLE}


class TestEverybody:
    @pytest.mark.parametrize("route", sorted({line.route for line in LINES}))
    def test_may_do_what_the_table_says(
        self, clients: dict[str, Client], things: dict[str, Any], forms: dict[str, dict[str, Any]], route: str
    ) -> None:
        lines = [line for line in LINES if line.route == route]
        before = record()

        found = [
            line._replace(answers=tuple(answer(name, clients[name], line, things, forms, before) for name in PEOPLE))
            for line in lines
        ]

        assert [str(line) for line in found] == [str(line) for line in lines]


begin = getattr(transaction, "savepoint_create", transaction.savepoint)
"""Not ``atomic()``: views that send refuse to run inside one. Django 6.1 has given it a new name."""


def answer(  # noqa: PLR0917 (as the cells have them)
    person: str, client: Client, line: Line, things: dict[str, Any], forms: dict[str, Any], before: list[Any]
) -> str:
    """The cell: what came back, whether anything was written, and whether he saw too much. What was, is taken back."""
    address = re.sub("<(.*?)>", lambda thing: str(things[thing[1]]), line.address)
    if not address.startswith(("admin/", "idenfy/")):
        address = f"admin/idenfy_kyc/{address}"
    headers = {"Accept": "application/json"} if line.sends == "script" else {"Accept": BROWSER}
    send = getattr(client, line.method.lower())
    undo = begin()
    response = send(f"/{address}", forms[line.sends], headers=headers)
    written = record() != before
    transaction.savepoint_rollback(undo)
    leads_to_login = response.status_code == 302 and response["Location"].startswith("/admin/login/")
    sees_too_much = marks_in(things).seen_by(person, response.text) - ({Kind.LINK} if line.may_show_links else set())
    status = "login" if leads_to_login else response.status_code
    return f"{status}{'!' if written else ''}{'?' if sees_too_much else ''}"


def marks_in(things: dict[str, Any]) -> Marks:
    """What is not for everybody's eyes."""
    marks = Marks()
    marks.add(Kind.TOKEN, "s3cret-in-the-link", "s3cret-token")
    marks.add(Kind.LINK, str(things["link"]))
    marks.add(Kind.NAME, "Client number ")
    marks.add(Kind.ANSWER, "s3cret-answer")
    return marks


def record() -> list[Any]:
    """Every row of ours, whole, and the admin's log; straight from the tables, since each cell looks at them."""
    with connection.cursor() as cursor:
        return [_rows(cursor, model._meta.db_table) for model in RECORD]


def _rows(cursor: CursorWrapper, table: str) -> list[Any]:
    cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY id")  # noqa: S608
    rows: list[Any] = cursor.fetchall()
    return rows
