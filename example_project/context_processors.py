from __future__ import annotations

from django.http import HttpRequest

from idenfy_kyc.conf import get_settings
from idenfy_kyc.testing.fake import CREDENTIALS as FAKE_CREDENTIALS


def idenfy(request: HttpRequest) -> dict[str, str]:
    """Where the fake iDenfy is, if it is the one that is asked."""
    kyc = get_settings()
    return {"fake_idenfy_url": kyc.BASE_URL if (kyc.API_KEY, kyc.API_SECRET) == FAKE_CREDENTIALS else ""}
