"""An example of how a project sends its clients to iDenfy: one public page, *Verify me*.

In a project of yours it would stand behind the login, and the client's ID would be his own: each verification that
begins may cost you money at iDenfy.
"""

from __future__ import annotations

import uuid

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.exceptions import IdenfyApiError


class VerifyForm(forms.Form):
    first_name = forms.CharField(max_length=100)
    last_name = forms.CharField(max_length=100)


def verify(request: HttpRequest) -> HttpResponse:
    """Begin a verification, and send the client on to iDenfy."""
    form = VerifyForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        back = request.build_absolute_uri(reverse("verified"))
        try:
            started = services.start_verification(
                f"W-{uuid.uuid4().hex[:8]}",
                success_url=back,
                error_url=back,
                unverified_url=back,
                **form.cleaned_data,
            )
        except ValidationError as error:
            form.add_error(None, error)
        except IdenfyApiError:
            form.add_error(None, "We cannot reach iDenfy. Please try again in a minute.")
            status = 503
        else:
            return redirect(started.redirect_url)
    return render(request, "example_project/verify.html", {"form": form}, status=status)


def verified(request: HttpRequest) -> HttpResponse:
    """Where iDenfy sends the client afterwards. What came of it, only the webhook tells."""
    return render(request, "example_project/verified.html")
