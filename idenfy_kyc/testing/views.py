"""The Django mount of the fake: one thin view around the pure core.

WSGI holds the connection, not the view. So a connection that should be cut is answered 502 in HTML instead (the journal
still says that it was cut), and of an answer that drips the body drips while the headers come at once. A test that
needs the real thing uses ``idenfy_kyc.testing.server``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from idenfy_kyc.conf import get_settings
from idenfy_kyc.decorators import durable
from idenfy_kyc.testing.fake import FakeIdenfy
from idenfy_kyc.testing.replies import Reply


@durable  # it takes its time, and needs none of the project's databases
@csrf_exempt
@login_not_required
def answer(request: HttpRequest, scan_ref: str = "") -> HttpResponseBase:
    """Whatever is asked at the mount; the core reads the path for itself."""
    match = request.resolver_match
    root = reverse(f"{match.namespace}:session", current_app=match.namespace).removesuffix("session/") if match else "/"
    target = f"{quote('/' + request.path.removeprefix(root))}?{request.META.get('QUERY_STRING', '')}"
    with _open_fake() as fake:
        reply = fake.handle(
            request.method or "GET",
            target,
            dict(request.headers.items()),
            request.body,
            base_url=request.build_absolute_uri(root),
        )
        time.sleep(reply.latency)
        fake.mark_answered(reply)
    return _response(reply)


def _open_fake() -> FakeIdenfy:
    """A fake for this request alone: its memory is in the file, so workers may come and go."""
    path = getattr(settings, "IDENFY_KYC_FAKE_PATH", "")
    own = get_settings()
    if not (path and own.is_configured):
        raise ImproperlyConfigured(
            "The fake iDenfy needs IDENFY_KYC_FAKE_PATH, and the API_KEY and API_SECRET of IDENFY_KYC."
        )
    return FakeIdenfy(path, api_key=own.API_KEY, api_secret=own.API_SECRET)


def _response(reply: Reply) -> HttpResponseBase:
    if reply.drip:
        return StreamingHttpResponse(_dripping(reply), status=reply.status, headers=dict(reply.headers))
    return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))


def _dripping(reply: Reply) -> Iterator[bytes]:
    for byte in reply.body:
        time.sleep(reply.drip)
        yield bytes([byte])
