from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connections, transaction
from django.http import HttpResponseBase

V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def durable(view: V) -> V:
    """A view that acts: the services open their own transactions, and ``ATOMIC_REQUESTS`` must not wrap another around.

    A transaction that has read the session first cannot write on SQLite while anybody else does; and a link that was
    shown keeps its line in the record, though drawing the page may fail. For every alias: the router decides which.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view
