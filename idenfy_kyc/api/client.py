"""The client: one pooled session around the protocol. It speaks HTTP and knows no models.

iDenfy has no idempotency key, so what matters of a call that failed is whether iDenfy may have had it. That is
**observed, never inferred**: ``requests`` raises the same ``SSLError`` for a certificate that was refused, where
nothing was sent, and for a record corrupted after the server had read the whole request. The body is a stream that
notes its first ``read()``, and that comes after name look-up, connect, proxy and TLS handshake, just before the bytes
are handed to the socket.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Self
from urllib.parse import quote

import requests
from django.core.exceptions import ImproperlyConfigured
from requests.auth import HTTPBasicAuth

from .. import __version__
from ..conf import SETTING, get_settings
from ..exceptions import IdenfyConnectionError
from ..secret import Secret
from .protocol import (
    IDENTIFICATIONS_PATH,
    MAX_ANSWER_BYTES,
    REDIRECT_PATH,
    START_VERIFICATION_PATH,
    InformationAsks,
    InformationSession,
    VerificationAsks,
    VerificationSession,
    decipher_identifications,
    decipher_request_information,
    decipher_start_verification,
    is_whole,
    request_information_path,
    request_information_payload,
    start_verification_payload,
)
from .transport import DeadlineAdapter

_HEADERS = {
    "Accept": "application/json",
    # Nothing compressed is asked for and nothing is unpacked: a few bytes could become gigabytes.
    "Accept-Encoding": "identity",
    "User-Agent": f"django-idenfy-kyc/{__version__}",
}


class IdenfyClient:
    """A context manager that owns one ``requests.Session``. Threads may share it.

    ``connect_timeout`` and ``read_timeout`` are seconds, as ``requests`` means them; together they are the deadline of
    a whole call.

    https://documentation.idenfy.com/authentication
    """

    def __init__(
        self,
        *,
        api_key: str,
        api_secret: str,
        base_url: str = "https://ivs.idenfy.com",
        connect_timeout: float = 5.0,
        read_timeout: float = 15.0,
        pool_size: int = 8,
    ) -> None:
        self._credentials = (api_key, api_secret)
        self._base_url = base_url.rstrip("/")
        self._timeouts = (connect_timeout, read_timeout)
        self._pool_size = pool_size
        self._session = self.create_session()

    @classmethod
    def from_settings(cls) -> Self:
        """A client as ``IDENFY_KYC`` has it. Raises ImproperlyConfigured if there are no credentials."""
        settings = get_settings()
        if not settings.is_configured:
            raise ImproperlyConfigured(f"Set API_KEY and API_SECRET in {SETTING} to ask iDenfy.")
        return cls(
            api_key=settings.API_KEY,
            api_secret=settings.API_SECRET,
            base_url=settings.BASE_URL,
            connect_timeout=settings.CONNECT_TIMEOUT,
            read_timeout=settings.READ_TIMEOUT,
            pool_size=settings.CONCURRENCY,
        )

    def create_session(self) -> requests.Session:
        """The one place to override, say for a proxy or a certificate of your own; start from ``super()``'s session.

        It never tries again by itself, follows no redirect and keeps no cookie; proxies and certificates of the
        environment count.
        """
        session = _Session()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = DeadlineAdapter(deadline=sum(self._timeouts), pool_maxsize=self._pool_size, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def request_information(self, scan_ref: str, asks: InformationAsks) -> InformationSession:
        """Ask iDenfy to ask the client of ``scan_ref``, and return what it issued.

        Raises IdenfyConnectionError if no answer came, IdenfyStatusError if the answer was not 2xx, and
        IdenfyResponseError if it was and holds no token; ValueError, before anything is sent, for a ``scan_ref``
        that no path can carry.

        https://documentation.idenfy.com/api-reference/kyc-verifications/request-additional-information-from-client
        """
        path = request_information_path(scan_ref)
        body = _ObservedBody(json.dumps(request_information_payload(asks)).encode())
        response, content = self._call("POST", path, body)
        return decipher_request_information(response.status_code, response.headers, content)

    def start_verification(self, asks: VerificationAsks) -> VerificationSession:
        """Begin a verification, and return what the client needs to go through it.

        Raises IdenfyConnectionError, IdenfyStatusError and IdenfyResponseError, as the other call does. A lost answer
        does no harm: nobody was asked anything, and what began there expires by itself. So one may simply begin again.

        https://documentation.idenfy.com/kyc/generate-token
        """
        body = _ObservedBody(json.dumps(start_verification_payload(asks)).encode())
        response, content = self._call("POST", START_VERIFICATION_PATH, body)
        session = decipher_start_verification(response.status_code, response.headers, content)
        if session.redirect_url:
            return session
        redirect_url = f"{self._base_url}{REDIRECT_PATH}?authToken={quote(session.token, safe='')}"
        return replace(session, redirect_url=Secret(redirect_url))

    def count_identifications(self) -> int:
        """How many verifications iDenfy has. Asks nobody: the call that tells whether the key is taken.

        Raises IdenfyConnectionError, IdenfyStatusError and IdenfyResponseError, as the other call does.

        https://documentation.idenfy.com/kyc/verification-list
        """
        response, content = self._call("GET", IDENTIFICATIONS_PATH)
        return decipher_identifications(response.status_code, response.headers, content)

    def close(self) -> None:
        """Close the connections that were kept open."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: str, path: str, body: _ObservedBody | None = None) -> tuple[requests.Response, bytes]:
        """The answer, with the start of its body.

        Whatever goes wrong below becomes our error, and is described, not chained: the texts of ``requests`` quote
        URLs, and error reports show the variables of every frame. So it is raised where nothing is being handled.
        """
        handled_by_caller = sys.exception()
        try:
            return self._exchange(method, path, body)
        except Exception as error:  # noqa: BLE001 - the caller must learn what was sent, whatever went wrong
            description = _describe(error, until=handled_by_caller)
        raise IdenfyConnectionError(description, maybe_delivered=body is not None and body.was_read)

    def _exchange(self, method: str, path: str, body: _ObservedBody | None) -> tuple[requests.Response, bytes]:
        with self._session.request(
            method,
            self._base_url + path,
            data=body,
            # Given here and as bytes: no .netrc takes their place, and they need not be Latin-1.
            auth=HTTPBasicAuth(*(part.encode() for part in self._credentials)),
            headers=_HEADERS if body is None else _HEADERS | {"Content-Type": "application/json"},
            timeout=self._timeouts,
            allow_redirects=False,
            stream=True,
        ) as response:
            return response, _start_of(response)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even with ``allow_redirects=False`` requests prepares the next request, and for that it reads the
        whole body of a redirect into memory and stumbles over an odd Location.
        """


class _ObservedBody(io.BytesIO):
    """A body that notes when somebody begins to read it, in order to send it."""

    was_read = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.was_read = True
        return super().read(size)


def _start_of(response: requests.Response) -> bytes:
    """The body as it came over the wire; of one that is too long, just enough to tell.

    A link that is all there is not thrown away because the connection broke, or the time was over, before its end.
    """
    content = b""
    try:
        for chunk in response.raw.stream(16 * 1024, decode_content=False):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                break
    except Exception:
        if not is_whole(content):
            raise
    return content


def _describe(error: BaseException, *, until: BaseException | None) -> str:
    """What went wrong, without the texts of others: the class at the root, and the system's own word for it.

    ``until`` is what the caller was handling anyway: it ends every chain, and is no part of what went wrong here.
    """
    while (cause := error.__cause__ or error.__context__) is not None and cause is not until:
        error = cause
    name, words = type(error).__name__, getattr(error, "strerror", None)
    return f"No answer from iDenfy: {name}, {words}" if words else f"No answer from iDenfy: {name}"
