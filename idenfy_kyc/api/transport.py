"""An adapter for ``requests`` that keeps one deadline over a whole call.

The timeouts of ``requests`` are for each single read: an answer that drips, a byte a second, is never late, and holds
its thread for hours. Nor is it enough to look at the clock between chunks of the body, since the headers can drip too.
So the deadline stands where every byte passes: between the socket and the response that reads from it. There the
socket's timeout is set anew before each read, to what is left.

Threads share one session. A call lives in one thread, so its deadline is a context variable while the call is made;
the response then carries it along, and a body that is read later is held to it as well.

What cannot be bounded is the time before: a name server that does not answer, or a host of many dead addresses with
one connect timeout each. So a connection that comes about after the deadline is not used: nothing is sent.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3.connection import HTTPConnection as _Connection
else:
    _Connection = object


class Deadline:
    """A moment by which a call must be over."""

    def __init__(self, seconds: float) -> None:
        self._moment = time.monotonic() + seconds

    def seconds_left(self) -> float:
        """More than zero. Raises TimeoutError when the moment has passed."""
        left = self._moment - time.monotonic()
        if left <= 0:
            raise TimeoutError("The deadline of the call has passed")
        return left


_deadline: ContextVar[Deadline] = ContextVar("idenfy_kyc_deadline")


class StayingSession(requests.Session):
    """A session that never looks where a redirect leads."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even with ``allow_redirects=False`` requests prepares the next request, and for that it reads the
        whole body of a redirect into memory and stumbles over an odd Location.
        """


class DeadlineAdapter(HTTPAdapter):
    """An ``HTTPAdapter`` whose every call, answer included, ends ``deadline`` seconds after it began."""

    def __init__(self, *, deadline: float, **kwargs: Any) -> None:
        self._seconds = deadline
        self._lock = threading.Lock()
        super().__init__(**kwargs)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As the original, with the deadline in force."""
        token = _deadline.set(Deadline(self._seconds))
        try:
            return super().send(*args, **kwargs)
        finally:
            _deadline.reset(token)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As the original, with connections that know the deadline."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _punctual_pools(self.poolmanager.pool_classes_by_scheme)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """As the original, with connections that know the deadline, for proxies of every kind."""
        with self._lock:
            is_new = proxy not in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if is_new:
                manager.pool_classes_by_scheme = _punctual_pools(manager.pool_classes_by_scheme)
        return manager


class _PunctualStream(io.RawIOBase):
    """The socket's bytes until the deadline, and a TimeoutError after it."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: Deadline) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline
        # What urllib3 has set: the longest silence that we bear, or None.
        self._silence = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._deadline.seconds_left()
        self._sock.settimeout(min(left, self._silence or left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PunctualResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_PunctualStream(self.fp.detach(), sock, _deadline.get()))


class _PunctualConnection(_Connection):
    """Goes before a connection class of urllib3's: plain, TLS or SOCKS."""

    response_class = _PunctualResponse

    def connect(self) -> None:
        super().connect()
        _deadline.get().seconds_left()


def _punctual_pools(pools: dict[str, type[HTTPConnectionPool]]) -> dict[str, type[HTTPConnectionPool]]:
    return {scheme: _punctual_pool(pool) for scheme, pool in pools.items()}


def _punctual_pool(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    connection = type("PunctualConnection", (_PunctualConnection, pool.ConnectionCls), {})
    return type(f"Punctual{pool.__name__}", (pool,), {"ConnectionCls": connection})
