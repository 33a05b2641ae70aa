"""Open the admin's pages of the project in ``DJANGO_SETTINGS_MODULE``, with what they load, as its superuser."""

from __future__ import annotations

import re
import sys
from urllib.parse import urljoin

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.staticfiles import finders  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from idenfy_kyc import services  # noqa: E402

settings.ALLOWED_HOSTS = ["testserver"]
client = Client()
client.force_login(get_user_model().objects.create_superuser("admin", password="admin"))
loaded: set[str] = set()


def page(url: str, *, post: dict[str, object] | None = None) -> None:
    """Open a page, and find each style sheet, script and picture that it loads."""
    answer = client.get(url) if post is None else client.post(url, post, follow=True)
    if answer.status_code != 200:
        sys.exit(f"{url} answered {answer.status_code}")
    for link in re.findall(r'(?:src|href)="([^"]+\.(?:css|js|svg|png))"', answer.content.decode()):
        name = urljoin(url, link).removeprefix(urljoin("/", settings.STATIC_URL))
        if finders.find(name) is None:
            sys.exit(f"{url} loads {link}, which does not exist")
        loaded.add(name)
    print(f"  {url} {'(posted) ' if post else ''}fine")


models = [model for model in apps.get_app_config("idenfy_kyc").get_models() if admin.site.is_registered(model)]
if not models:
    sys.exit("No model of the app is in the admin")
services.record_verifications([{"scan_ref": "wheel-1", "client_id": "C-1", "name": "Ona", "status": "APPROVED"}])
page(reverse("admin:index"))
page(reverse("admin:app_list", args=["idenfy_kyc"]))
page(reverse("admin:idenfy_kyc_verification_add"))
page(
    reverse("admin:idenfy_kyc_verification_changelist"),
    post={"action": "request_information", "_selected_action": [1]},
)
for model in models:
    name = model._meta.model_name
    page(reverse(f"admin:idenfy_kyc_{name}_changelist"))
    for row in model._default_manager.all():
        page(reverse(f"admin:idenfy_kyc_{name}_change", args=[row.pk]))
if not any(name.startswith("idenfy_kyc/") for name in loaded):
    sys.exit("No page loads a file of ours")
