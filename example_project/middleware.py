"""Nothing inline, nothing from elsewhere: as strict a policy as a host may set, so that the demo proves it works."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# No form-action: browsers apply it to redirects too, and *Continue* on the client's page leads to iDenfy.
POLICY = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"


class StrictContentSecurityPolicy:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response
