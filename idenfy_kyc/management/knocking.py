"""Sending a test delivery to the project's own webhook, as iDenfy would send one.

From outside there is no better proof: name, certificate, proxy, firewall, address and key have all let it through. The
event is none of iDenfy's, so it does nothing, and its bytes are always the same, so it stays one row.
"""

from __future__ import annotations

import time

import requests
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..api.deliveries import TEST_EVENT, delivery_digest, sign
from ..api.transport import DeadlineAdapter, StayingSession
from ..checks import address_fault
from ..conf import get_settings
from ..models import WebhookDelivery
from .advice import ToDo

BODY = b'{"test": true}'
DEADLINE = 10.0
"""Seconds for which iDenfy waits: https://documentation.idenfy.com/kyc/webhooks"""
CONNECT_TIMEOUT = 5.0


def knock(url: str) -> str:
    """Deliver the test to ``url``; return how long that took. Raises ``ToDo`` if it did not come in here."""
    if fault := address_fault(url):
        raise ToDo(_("This address %(fault)s.") % {"fault": fault})
    keys = get_settings().WEBHOOK_SIGNING_KEYS
    if not keys:
        raise ToDo(_("Set WEBHOOK_SIGNING_KEYS first: without a key every delivery is refused."))
    before, started = _receipts(), time.monotonic()
    status = _post(url, keys[0])
    seconds = time.monotonic() - started
    if not 200 <= status < 300:
        raise ToDo(str(_WHAT_TO_DO.get(status) or _by_class(status)) % {"status": status})
    if _receipts() == before:
        raise ToDo(
            _(
                "It answered %(status)s, and nothing came in here: it is not this project’s webhook, or that one has "
                "another database."
            )
            % {"status": status}
        )
    return _("the delivery came in, after %(seconds)s s") % {"seconds": number_format(seconds, 1)}


def _receipts() -> int:
    known = WebhookDelivery.objects.filter(digest=delivery_digest(TEST_EVENT, BODY))
    return known.values_list("receipts", flat=True).first() or 0


def _post(url: str, key: str) -> int:
    """The status of the answer. The texts of ``requests`` quote the address, so none of them is shown."""
    headers = {
        "Content-Type": "application/json",
        "Idenfy-Event-Type": TEST_EVENT,
        "Idenfy-Signature": sign(BODY, key),
    }
    with StayingSession() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, DeadlineAdapter(deadline=DEADLINE, max_retries=0))
        try:
            return session.post(
                url,
                data=BODY,
                headers=headers,
                auth=_nobody,
                timeout=(CONNECT_TIMEOUT, DEADLINE),
                allow_redirects=False,
                stream=True,
            ).status_code
        except requests.exceptions.SSLError:
            problem = _BAD_CERTIFICATE
        except requests.ConnectTimeout:
            problem = _NOBODY_THERE
        except requests.RequestException as error:
            problem = _TOO_LATE if _is_late(error) else _NOBODY_THERE
    raise ToDo(str(problem))


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials: otherwise those of a .netrc would go along."""
    return request


def _is_late(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, TimeoutError | requests.Timeout):
            return True
        error = error.__cause__ or error.__context__
    return False


_BAD_CERTIFICATE = gettext_lazy("Its certificate is not accepted: iDenfy needs a valid one, not signed by itself.")
_NOBODY_THERE = gettext_lazy("Nothing answers there: look at the name, the port, and the firewall.")
_TOO_LATE = gettext_lazy("It takes more than 10 seconds to answer, and iDenfy waits no longer: look at its server.")
_WHAT_TO_DO: dict[int, Promise] = {
    400: gettext_lazy(
        "It refuses the signature (%(status)s): it runs with other WEBHOOK_SIGNING_KEYS than this command. Restart it."
    ),
    401: gettext_lazy("It wants a login (%(status)s): let iDenfy in without one; the signature is the proof."),
    403: gettext_lazy("It lets nobody in (%(status)s): look at the firewall, and at what stands in front of Django."),
    404: gettext_lazy("There is no such page (%(status)s): correct the address, or include idenfy_kyc.urls there."),
    405: gettext_lazy("Something else has this address (%(status)s): correct it."),
}


def _by_class(status: int) -> Promise:
    if 300 <= status < 400:
        return gettext_lazy("It points to another address (%(status)s), which is not followed: give iDenfy that one.")
    if status >= 500:
        return gettext_lazy("It has a fault of its own (%(status)s): look at its log.")
    return gettext_lazy("It does not take the delivery (%(status)s): look at what stands in front of Django.")
