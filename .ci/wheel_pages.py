"""Open our pages on each admin site of the project in ``DJANGO_SETTINGS_MODULE``, with what they load, as superuser."""

from __future__ import annotations

import re
import sys
from urllib.parse import urljoin

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.contrib.admin.sites import all_sites  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.staticfiles import finders  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from idenfy_kyc import services  # noqa: E402

settings.ALLOWED_HOSTS = ["testserver"]
client = Client()
client.force_login(get_user_model().objects.create_superuser("walks through", password="walks"))
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


models = list(apps.get_app_config("idenfy_kyc").get_models())
services.record_verifications([{"scan_ref": "wheel-1", "client_id": "C-1", "name": "Ona", "status": "APPROVED"}])


def walk(site: admin.AdminSite) -> None:
    """Choose a client, which makes a plan; then every list, and the page of each row."""
    shown = [model._meta for model in models if site.is_registered(model)]
    if not shown:
        sys.exit(f"No model of the app is on the site {site.name}")

    def url(name: str, *args: object) -> str:
        return reverse(f"admin:{name}", args=args, current_app=site.name)

    page(url("index"))
    page(url("app_list", "idenfy_kyc"))
    page(url("idenfy_kyc_verification_add"))
    chosen = {"action": "request_information", "_selected_action": [1]}
    page(url("idenfy_kyc_verification_changelist"), post=chosen)
    for opts in shown:
        page(url(f"idenfy_kyc_{opts.model_name}_changelist"))
        for row in opts.model._default_manager.all():
            page(url(f"idenfy_kyc_{opts.model_name}_change", row.pk))


reverse("admin:index")  # reads the project's URLs, which may add sites
for each in sorted(all_sites, key=lambda site: site.name):
    print(f"The site {each.name}:")
    walk(each)
if not any(name.startswith("idenfy_kyc/") for name in loaded):
    sys.exit("No page loads a file of ours")
