"""What can keep a project from asking, looked at piece by piece: the findings of ``manage.py idenfy_doctor``.

Each piece is a function that returns what there is to know when all is well, and raises ``ToDo`` with what to do when
it is not. It changes nothing and asks no client. No sentence has a key, a link, a client or an answer of iDenfy in it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from django.db import Error as DatabaseError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import services
from ..api import IdenfyClient
from ..apps import IdenfyKycConfig
from ..checks import check_credentials, check_settings
from ..choices import BatchState, State
from ..clients import Client, ask_host
from ..conf import get_settings
from ..dates import number_text, stamp_text
from ..exceptions import IdenfyApiError
from ..missed import accepted_text, gap_text
from ..models import InformationRequest, Verification
from ..services import database
from .advice import ToDo, what_to_do
from .knocking import knock

SAMPLE = 20
"""Links that are tried, of the oldest and of the newest: they may have been encrypted with different keys."""
CLIENTS_TRIED = 5
KEYS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is well, and what there is to know or to do."""

    about: str
    is_ok: bool
    text: str


def examine(*, offline: bool, webhook: str = "") -> Iterator[Finding]:
    """Look at everything, one after the other; ``offline``: at nothing beyond this machine and the database.

    ``webhook`` is an address to which a delivery is sent that does nothing: the one thing that leaves a trace.
    """
    for label, look in EXAMINATIONS:
        if not (offline and look is _idenfy):
            yield from _findings(str(label), look)
    if webhook:
        yield from _findings(str(WEBHOOK), lambda: knock(webhook))


def _findings(about: str, look: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield Finding(about, True, look())
    except ToDo as to_do:
        yield from (Finding(about, False, sentence) for sentence in to_do.args)
    except DatabaseError as error:
        words = _("Cannot be looked at: settle first what the database says (%(error)s).")
        yield Finding(about, False, words % {"error": type(error).__name__})
    except Exception as error:  # noqa: BLE001 (whoever calls the doctor gets a sentence)
        words = _("Cannot be looked at (%(error)s): settle the other lines first.")
        yield Finding(about, False, words % {"error": type(error).__name__})


def _settings() -> str:
    faults = [*check_settings(), *check_credentials()]
    if faults:
        raise ToDo(*(f"{fault.msg} {fault.hint}" for fault in faults))
    return ""


def _database() -> str:
    alias = database.alias()
    try:
        connections[alias].ensure_connection()
    except DatabaseError as error:
        words = _("“%(alias)s” cannot be reached (%(error)s): start it, or correct DATABASES.")
        raise ToDo(words % {"alias": alias, "error": type(error).__name__}) from None
    try:
        database.refuse_transaction()
    except RuntimeError:
        raise ToDo(_("Set AUTOCOMMIT of “%(alias)s” to True: nothing is sent without.") % {"alias": alias}) from None
    return str(connections[alias].display_name)


def _migrations() -> str:
    executor = MigrationExecutor(connections[database.alias()])
    if executor.migration_plan(executor.loader.graph.leaf_nodes(IdenfyKycConfig.name)):
        raise ToDo(_("Run python manage.py migrate."))
    return ""


def _threads() -> str:
    """As many as a sender starts, all at one time."""
    wanted, begin = get_settings().CONCURRENCY, threading.Event()
    started: list[threading.Thread] = []
    try:
        with suppress(RuntimeError):
            for thread in (threading.Thread(target=begin.wait) for _number in range(wanted)):
                thread.start()
                started.append(thread)
    finally:
        begin.set()
        for thread in started:
            thread.join()
    if len(started) < wanted:
        words = ngettext(
            "Only %(count)s of %(wanted)s can be started: lower CONCURRENCY, or let this user have more.",
            "Only %(count)s of %(wanted)s can be started: lower CONCURRENCY, or let this user have more.",
            len(started),
        )
        raise ToDo(words % {"count": len(started), "wanted": wanted})
    return number_text(wanted)


def _address() -> str:
    try:
        return reverse("idenfy_kyc:client_link", args=[uuid.UUID(int=0)]).replace(str(uuid.UUID(int=0)), "…")
    except NoReverseMatch:
        raise ToDo(_('Add path("idenfy/", include("idenfy_kyc.urls")) to the project’s URLs.')) from None


def _idenfy() -> str:
    """Whether iDenfy can be reached and takes the key, by the one call that asks nobody."""
    if check_settings() or not get_settings().is_configured:
        raise ToDo(_("Not tried: correct the settings first."))
    try:
        with IdenfyClient.from_settings() as client:
            client.count_identifications()
    except IdenfyApiError as error:
        raise ToDo(what_to_do(error)) from None
    return _("it can be reached and takes the key")


def _last_sending() -> str:
    last = (
        InformationRequest.objects.filter(sent_at__isnull=False).only("sent_at", "batch").order_by("-sent_at").first()
    )
    if last is None or last.sent_at is None:
        return _("nobody has been asked yet")
    return _("%(when)s, batch %(key)s") % {"when": stamp_text(last.sent_at), "key": last.batch_id}


def _deliveries() -> str:
    """How well iDenfy is heard."""
    found = services.standing()
    if found.lasting:
        look = _(
            "Look at the webhooks in iDenfy’s dashboard, and compare their signing keys with WEBHOOK_SIGNING_KEYS."
        )
        raise ToDo(*(f"{gap_text(gap)} {look}" for gap in found.lasting))
    return accepted_text(found.last_at) if found.last_at else _("none yet")


def _what_waits() -> str:
    """The clients who are not asked until a person does something."""
    standings = services.progress_of_each(list(services.unfinished()))
    stopped = {key: found.to_go for key, found in standings.items() if found.state is BatchState.STOPPED}
    idle = {key: found.to_go for key, found in standings.items() if found.state is BatchState.SENDING}
    idle = {key: count for key, count in idle.items() if not standings[key].in_flight}
    to_do = []
    if stopped:
        to_do.append(
            ngettext(
                "%(count)s client waits in what has stopped (batch %(keys)s): its page in the admin says why.",
                "%(count)s clients wait in what has stopped (batch %(keys)s): its page in the admin says why.",
                sum(stopped.values()),
            )
            % _numbers(stopped)
        )
    if idle:
        to_do.append(
            ngettext(
                "%(count)s client waits and nobody sends (batch %(keys)s): open its page, or run idenfy_send.",
                "%(count)s clients wait and nobody sends (batch %(keys)s): open its page, or run idenfy_send.",
                sum(idle.values()),
            )
            % _numbers(idle)
        )
    if to_do:
        raise ToDo(*to_do)
    count = sum(found.to_go for found in standings.values())
    words = ngettext("%(count)s client, and it goes on by itself", "%(count)s clients, and it goes on by itself", count)
    return words % {"count": number_text(count)} if count else _("nothing")


def _numbers(to_go: dict[int, int]) -> dict[str, str]:
    keys = list(map(str, to_go))
    named = ", ".join([*keys[:KEYS_SHOWN], *(["…"] if len(keys) > KEYS_SHOWN else [])])
    return {"count": number_text(sum(to_go.values())), "keys": named}


def _secrets() -> str:
    links = InformationRequest.objects.filter(state=State.ISSUED).only(*InformationRequest.SECRETS)
    ends = chain(links.order_by("pk")[:SAMPLE], links.order_by("-pk")[:SAMPLE])
    tried = {row.pk: row.link_is_unreadable for row in ends}
    lost = sum(tried.values())
    if not tried:
        return _("there is none")
    params = {"lost": number_text(lost), "count": number_text(len(tried))}
    if lost:
        words = _("%(lost)s of %(count)s links cannot be read: add the old SECRET_KEY to SECRET_KEY_FALLBACKS.")
        raise ToDo(words % params)
    return ngettext("%(count)s link was tried", "%(count)s links were tried", len(tried)) % params


def _clients() -> str:
    path = get_settings().CLIENTS
    if not path:
        return _("not set")
    some = list(Verification.objects.order_by("-pk")[:CLIENTS_TRIED])
    said = ask_host(some)
    if said.error:
        words = _("%(path)s raised %(error)s: mend it; until then the pages have none of its names.")
        raise ToDo(words % {"path": path, "error": said.error})
    if said.unusable:
        words = _("%(path)s gives what cannot be used (%(fields)s): see idenfy_kyc.clients.")
        raise ToDo(words % {"path": path, "fields": ", ".join(sorted(said.unusable))})
    known = sum(client != Client() for client in said.known.values())
    params = {"known": number_text(known), "count": number_text(len(some))}
    return ngettext("knows %(known)s of %(count)s client", "knows %(known)s of %(count)s clients", len(some)) % params


WEBHOOK = gettext_lazy("Webhook")
EXAMINATIONS: tuple[tuple[Promise, Callable[[], str]], ...] = (
    (gettext_lazy("Settings"), _settings),
    (gettext_lazy("Database"), _database),
    (gettext_lazy("Migrations"), _migrations),
    (gettext_lazy("Threads"), _threads),
    (gettext_lazy("Link address"), _address),
    (gettext_lazy("iDenfy"), _idenfy),
    (gettext_lazy("Last sending"), _last_sending),
    (gettext_lazy("What waits"), _what_waits),
    (gettext_lazy("Deliveries"), _deliveries),
    (gettext_lazy("Stored links"), _secrets),
    (gettext_lazy("CLIENTS"), _clients),
)
