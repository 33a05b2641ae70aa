from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from idenfy_kyc.decorators import discreet

NAME = uuid.uuid4().hex
"""A name that does not stand in this file: a report quotes the lines of the code."""


@discreet
def breaks(request: HttpRequest) -> HttpResponse:
    """A page that breaks when it is drawn."""
    context = {"title": f"Request to {request.POST['name'].upper()}"}
    raise RuntimeError(f"A template with {len(context)} variable broke")


def report() -> str:
    """What Django mails to the admins."""
    request = RequestFactory().post("/page/", {"name": NAME})
    try:
        breaks(request)
    except RuntimeError as error:
        reporter = ExceptionReporter(request, RuntimeError, error, error.__traceback__)
        return reporter.get_traceback_text() + reporter.get_traceback_html()
    raise AssertionError


class TestADiscreetView:
    def test_is_reported_with_where_it_broke_and_not_with_what_was_on_it(self) -> None:
        said = report()

        assert "A template with 1 variable broke" in said
        assert "test_decorators.py" in said
        assert NAME not in said.casefold()

    def test_is_reported_whole_to_whoever_develops_it(self, settings: Any) -> None:
        settings.DEBUG = True

        said = report()

        assert NAME in said
        assert NAME.upper() in said
