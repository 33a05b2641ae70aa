from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class IdenfyKycConfig(AppConfig):
    name = "idenfy_kyc"
    verbose_name = _("iDenfy: client information")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from .checks import check_credentials, check_credentials_for_deployment, check_settings, check_webhook

        checks.register(check_settings)
        checks.register(check_webhook, checks.Tags.security)
        checks.register(check_credentials)
        checks.register(check_credentials_for_deployment, checks.Tags.security, deploy=True)
