from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.db import connections, transaction
from django.http import HttpRequest, HttpResponseBase
from django.views.debug import SafeExceptionReporterFilter

V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def durable(view: V) -> V:
    """A view that acts: the services open their own transactions, and ``ATOMIC_REQUESTS`` must not wrap another around.

    A transaction that has read the session first cannot write on SQLite while anybody else does; and a link that was
    shown keeps its line in the record, though drawing the page may fail. For every alias: the router decides which.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


class WithoutVariables(SafeExceptionReporterFilter):
    """For reports of errors: where it broke, and nothing of what was there. In a project with ``DEBUG`` everything."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """What was posted: a pasted list, a name."""
        return {} if self.is_active(request) else super().get_post_parameters(request)

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        """The variables of a frame: of a page that is being drawn, everything that is on it."""
        return [] if self.is_active(request) else super().get_traceback_frame_variables(request, tb_frame)


def discreet(view: V) -> V:
    """A view whose errors are mailed to the admins without its variables, and without what was posted to it.

    Marking single ones as sensitive is no help: a template that breaks has the whole page in its context, clients'
    names included.
    """

    @wraps(view)
    def wrapper(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.exception_reporter_filter = WithoutVariables()
        return view(request, *args, **kwargs)

    return cast("V", wrapper)
