"""What this project tells of its clients, as ``IDENFY_KYC["CLIENTS"]`` names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from idenfy_kyc.clients import Client
from idenfy_kyc.models import Verification

from .models import Customer

DESCRIBE = "tests.accounts.clients.describe"


def describe(*, verifications: Sequence[Verification]) -> Mapping[int, Client]:
    """One query, however many there are."""
    customers = Customer.objects.in_bulk({v.client_id for v in verifications}, field_name="number")
    return {
        v.pk: Client(
            name=customer.name,
            url=customer.get_absolute_url(),
            email=customer.email or None,
            language=customer.language or None,
        )
        for v in verifications
        if (customer := customers.get(v.client_id))
    }
