"""What the host project knows of the clients: name, page, e-mail address, language.

``IDENFY_KYC["CLIENTS"]`` is the dotted path of a function of yours. It takes many verifications at once, and returns a
``Client`` for each that it knows, by the verification's primary key::

    def describe(*, verifications: Sequence[Verification]) -> Mapping[int, Client]:
        numbers = {v.client_id for v in verifications}
        customers = Customer.objects.in_bulk(numbers, field_name="number")
        return {
            v.pk: Client(
                name=customer.full_name,
                url=customer.get_absolute_url(),
                email=customer.email,
                language=customer.language,
            )
            for v in verifications
            if (customer := customers.get(v.client_id))
        }

It runs within the page, once for all rows that are shown (and once for every 500 of a file of links): one or two
queries, and nobody waits. If it takes more than a second, the log says so.

What it says is shown, and stands in the file of links; it is never stored. And whatever it does, the page works: what
cannot be used is left away, an exception leaves the page without names, and the log says why: with the dotted path, the
class of the exception and numbers, and with nothing that could be of a client.
"""

from __future__ import annotations

import logging
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connections, transaction
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string

from .conf import get_settings
from .models import Verification
from .services import is_web_address
from .services.database import portions

logger = logging.getLogger("idenfy_kyc")

SLOW_SECONDS = 1.0
LONGEST = {"name": 200, "url": 2000, "email": 254, "language": 35}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Client:
    """What you know of one client. None is what you do not know. Its ``repr()`` shows nothing."""

    name: str | None = None
    url: str | None = None
    """Your own page about the client: ``https://…``, or a path on this site that begins with ``/``."""
    email: str | None = None
    language: str | None = None
    """A code, such as ``"lt"`` or ``"pt-br"``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What your function said: ``known`` by the verification's key, ``error`` the class of what it raised.

    ``unusable`` counts what was left away, by the name of the field. Neither has anything of a client in it.
    """

    known: dict[int, Client] = field(default_factory=dict)
    error: str = ""
    unusable: Counter[str] = field(default_factory=Counter)


class NotAMapping(TypeError):
    """The function returned something other than a mapping. Its name is what the log says."""


def describe(verifications: Iterable[Verification]) -> Mapping[int, Client]:
    """What the host's function says of these clients, by the verification's primary key. Raises nothing, and logs why.

    Called with all that a page shows: it asks the host each time.
    """
    together = {verification.pk: verification for verification in verifications}
    path, started = get_settings().CLIENTS, time.monotonic()
    said = ask_host(together.values())
    seconds = time.monotonic() - started
    if said.error:
        logger.error("CLIENTS (%s) raised %s: the page shows no names of it.", path, said.error)
    if said.unusable:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(said.unusable.items()))
        logger.error("CLIENTS (%s) gave what cannot be used (%s): left away.", path, counts)
    if seconds > SLOW_SECONDS:
        logger.warning("CLIENTS (%s) took %.1f s for %d clients; the page waited.", path, seconds, len(together))
    return said.known


def ask_host(verifications: Iterable[Verification]) -> Said:
    """Call the host's function; nothing without the setting. Raises nothing."""
    said = Said()
    path = get_settings().CLIENTS
    if not path:
        return said
    try:
        function = import_string(path)
        for portion in portions(verifications):
            with _savepoints():
                answer = function(verifications=portion)
                if not isinstance(answer, Mapping):
                    raise NotAMapping
                said.known.update(_usable(answer, portion, said.unusable))
    except Exception as error:  # noqa: BLE001 (theirs: whatever it is, the page works)
        return Said(known=said.known, error=type(error).__name__, unusable=said.unusable)
    return said


def introduce(verifications: Iterable[Verification]) -> None:
    """Let these be described together: the host is asked once, when the first of them is drawn.

    Of whose personal data was erased, it is not asked: nobody is to be recognised again.
    """
    together: list[Any] = list(verifications)
    described = cache(lambda: describe(v for v in together if v.erased_at is None))
    for verification in together:
        verification.described = described


def client_of(verification: Any) -> Client:
    """What the host knows of this verification's client; of one that was not introduced, by a call of its own."""
    if not hasattr(verification, "described"):
        introduce([verification])
    client: Client = verification.described().get(verification.pk, Client())
    return client


def is_link(url: str) -> bool:
    """Whether a page may link to it: http or https, or a path on this site; never ``javascript:`` and the like."""
    if not url.startswith("/"):
        return is_web_address(url)
    is_one_word = url.isprintable() and not any(char.isspace() for char in url)
    return is_one_word and url_has_allowed_host_and_scheme(url, allowed_hosts=None)


def _usable(
    answer: Mapping[Any, Any], asked: list[Verification], unusable: Counter[str]
) -> Iterator[tuple[int, Client]]:
    for verification in asked:
        given = answer.get(verification.pk)
        if isinstance(given, Client):
            yield verification.pk, _sound(given, unusable)
        elif given is not None:
            unusable["no Client"] += 1


def _sound(given: Client, unusable: Counter[str]) -> Client:
    """The same without what cannot be used."""
    found: dict[str, str | None] = {}
    for name in (known.name for known in fields(Client)):
        value = getattr(given, name)
        text = " ".join(str(value).split()) if isinstance(value, str | Promise) else ""
        if text and len(text) <= LONGEST[name] and _can_be_shown(text) and _RULES[name](text):
            found[name] = text
        elif text or not isinstance(value, str | Promise | None):
            unusable[name] += 1
    return Client(**found)


def _can_be_shown(text: str) -> bool:
    """No control characters, and no half of a character, which would end the page where it is encoded."""
    return not any(unicodedata.category(char) in {"Cc", "Cs"} for char in text)


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


_RULES: dict[str, Callable[[str], bool]] = {
    "name": bool,
    "url": is_link,
    "email": _is_email,
    "language": lambda text: _LANGUAGE.fullmatch(text) is not None,
}


@contextmanager
def _savepoints() -> Iterator[None]:
    """A query of theirs that fails must not spoil the transaction that the page is in."""
    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block:
                stack.enter_context(transaction.atomic(using=connection.alias))
        yield
