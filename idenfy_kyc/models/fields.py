"""A text column that is ciphertext in the database.

A link that iDenfy issued is a bearer secret: whoever holds it acts as the client. So it is encrypted with Fernet keys
derived from ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS``; rotating those rotates these. A stolen dump without the
settings shows no link. What no key can read any more comes back as :class:`Unreadable`, an empty string that can be
told from "none", and is written back as it was.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import Exact
from django.utils.crypto import salted_hmac

from ..secret import Secret

_SALT = "idenfy_kyc.models.fields.EncryptedTextField"


class Unreadable(Secret):
    """What stands in for a secret that no current key decrypts. Empty, so that it is never shown as a link."""

    __slots__ = ("ciphertext",)

    ciphertext: str

    def __new__(cls, ciphertext: str) -> Unreadable:
        value = super().__new__(cls, "")
        value.ciphertext = ciphertext
        return value


@lru_cache(maxsize=8)
def _box(*secrets: str) -> MultiFernet:
    keys = (salted_hmac(_SALT, "key", secret=secret, algorithm="sha256").digest() for secret in secrets)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def _current_box() -> MultiFernet:
    return _box(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted at rest. Empty stays empty, so that "has none" can still be asked of the database."""

    description = "Encrypted text"

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Unreadable):
            return value.ciphertext
        if not value:
            return "" if value is not None else None
        return _current_box().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if not value:
            return value
        try:
            return Secret(_current_box().decrypt(value.encode()).decode())
        except InvalidToken:
            return Unreadable(value)

    def get_lookup(self, lookup_name: str) -> Any:
        """Only "is it empty" can be asked: every encryption of one text differs."""
        if lookup_name == "exact":
            return _IsEmpty
        if lookup_name != "isnull":
            raise _cannot_compare(self.name)
        return super().get_lookup(lookup_name)


class _IsEmpty(Exact):
    """``= ''``. Any other text would quietly find nothing."""

    def __init__(self, lhs: Any, rhs: Any) -> None:
        if rhs != "":
            raise _cannot_compare(lhs.output_field.name)
        super().__init__(lhs, rhs)


def _cannot_compare(name: str) -> FieldError:
    return FieldError(f"{name} is encrypted: it can be compared with nothing but the empty string.")
