"""What is wrong with ``IDENFY_KYC``, said before it does harm: ``manage.py check`` names it and what to write instead.

A message never shows the value of a text: it may be a secret, or a URL with one in it. No check reads the database,
and none trusts another setting to be right: a value of the wrong type counts as not set, so that each fault is said
once.
"""

from __future__ import annotations

import inspect
import ipaddress
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import timedelta
from difflib import get_close_matches
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from .conf import MAX_LIFETIME, MIN_LIFETIME, SETTING, Settings

CREDENTIALS = ("API_KEY", "API_SECRET")
TIMEOUTS = ("CONNECT_TIMEOUT", "READ_TIMEOUT", "STEP_SECONDS")

WEB_TIMEOUT = 25
"""Seconds that one step of the page may take at most: many a web server ends a request after 30."""

LIMITS: dict[str, tuple[Any, Any, str]] = {
    "CONCURRENCY": (1, 32, "from 1 to 32"),
    "HOURLY_QUOTA": (1, math.inf, "1 or more"),
    "MAX_BATCH_SIZE": (1, 50_000, "from 1 to 50000"),
    "TYPE_COUNT_ABOVE": (0, math.inf, "0 or more, or None"),
    "SECOND_PERSON_ABOVE": (0, math.inf, "0 or more, or None"),
    "WEBHOOK_SILENCE": (timedelta(hours=1), timedelta.max, "1 hour or more, or None"),
    "WEBHOOK_RETENTION_DAYS": (1, math.inf, "1 or more"),
    "ANSWER_RETENTION_DAYS": (1, math.inf, "1 or more, or None"),
    "PLAN_RETENTION_DAYS": (1, math.inf, "1 or more"),
    "DEFAULT_LIFETIME": (MIN_LIFETIME, MAX_LIFETIME, "from 1 hour to 30 days"),
}

OUR_SENDERS = {f"idenfy_kyc.contrib.{name}.enqueue": f"idenfy_kyc.contrib.{name}.unfit" for name in ("tasks", "celery")}
"""The ways to a worker that come with the app, and what says whether the project's queue is fit for them."""

_DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(Settings)}
_TYPES: dict[str, Any] = get_type_hints(Settings)


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """E001 to E010, E012 and E013: what the dict holds is known, of the right type and within the limits."""
    given = getattr(settings, SETTING, {})
    if not isinstance(given, Mapping):
        hint = f'Write {SETTING} = {{"API_KEY": "…", "API_SECRET": "…"}}.'
        return [_error("E001", f"{SETTING} must be a dict; it is {_kind(given)}.", hint)]
    sound = _sound_settings(given)
    return [
        *_unknown_names(given),
        *_wrong_types(given),
        *_empty_signing_keys(sound),
        *_base_url(sound),
        *_limits(sound),
        *_timeouts(sound),
        *_retry_waits(sound),
        *_clients(sound),
        *_sender(sound),
    ]


def check_credentials(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """W001: without a key and a secret the app works, and nobody can be asked."""
    return _missing_credentials(Warning, "idenfy_kyc.W001")


def check_credentials_for_deployment(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """E011, in ``check --deploy`` only: the same, where it can no longer be meant."""
    return _missing_credentials(Error, "idenfy_kyc.E011")


def check_webhook(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """W002: the webhook has an address, and no key: every delivery is refused. Without credentials W001 comes first."""
    given = getattr(settings, SETTING, {})
    if not isinstance(given, Mapping) or given.get("WEBHOOK_SIGNING_KEYS") or not all(map(given.get, CREDENTIALS)):
        return []
    try:
        reverse("idenfy_kyc:webhook")
    except NoReverseMatch:
        return []
    message = f"{SETTING} has no WEBHOOK_SIGNING_KEYS: every delivery from iDenfy is refused."
    hint = "Set a signing key for each webhook in iDenfy’s dashboard, and list the keys, from the environment."
    return [Warning(message, hint=hint, id="idenfy_kyc.W002")]


def _missing_credentials(level: Callable[..., CheckMessage], id: str) -> list[CheckMessage]:
    given = getattr(settings, SETTING, {})
    if not isinstance(given, Mapping):
        return []
    missing = " and ".join(name for name in CREDENTIALS if not given.get(name))
    if not missing:
        return []
    return [
        level(
            f"{SETTING} has no {missing}: nobody can be asked for information.",
            hint=f"Make a key in iDenfy’s dashboard and set {missing}, from the environment and not in the source.",
            id=id,
        )
    ]


def _unknown_names(given: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    for name in given:
        if name in _DEFAULTS:
            continue
        nearest = get_close_matches(str(name).upper(), _DEFAULTS, n=1)
        hint = f'Write "{nearest[0]}" instead.' if nearest else f"Take it out. Known are {', '.join(_DEFAULTS)}."
        yield _error("E002", f"{SETTING} has no setting {name!r}.", hint)


def _wrong_types(given: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    for name, value in given.items():
        if name in _DEFAULTS and not _is_sound(name, value):
            expected = _type_in_words(_TYPES[name])
            yield _error("E003", f"{_name(name)} must be {expected}; it is {_kind(value)}.", _example(name))


def _empty_signing_keys(sound: Settings) -> Iterator[CheckMessage]:
    if not all(sound.WEBHOOK_SIGNING_KEYS):
        message = f"{_name('WEBHOOK_SIGNING_KEYS')} holds an empty key, with which anybody could sign."
        yield _error("E004", message, "Take the empty key out; if there is no other, write [].")


def _base_url(sound: Settings) -> Iterator[CheckMessage]:
    fault = _url_fault(str(sound.BASE_URL))
    if fault:
        yield _error("E005", f"{_name('BASE_URL')} {fault}.", _example("BASE_URL"))


def _url_fault(url: str) -> str:
    """What is wrong with a ``BASE_URL``, to follow its name in a sentence; empty if nothing is."""
    fault = address_fault(url)
    if not fault and url.partition("://")[2].removeprefix(urlsplit(url).netloc) not in {"", "/"}:
        return "must end after the host: no path, no query, no fragment"
    return fault


def address_fault(url: str) -> str:
    """What is wrong with an address that we are to call, to follow its name in a sentence; empty if nothing is."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is no URL that can be read"
    if not host or " " in url or not url.isprintable():
        return "is no URL that can be read"
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        return "must begin with https://; only this machine itself may be spoken to without"
    if "@" in parts.netloc:
        return "must not contain a user or a password"
    return ""


def _limits(sound: Settings) -> Iterator[CheckMessage]:
    for name, (lowest, highest, words) in LIMITS.items():
        value = getattr(sound, name)
        if value is not None and not lowest <= value <= highest:
            yield _error("E006", f"{_name(name)} is {_written(value)}; it must be {words}.", _example(name))


def _timeouts(sound: Settings) -> Iterator[CheckMessage]:
    timeouts = {name: getattr(sound, name) for name in TIMEOUTS}
    wrong = [name for name, seconds in timeouts.items() if not 0 < seconds < WEB_TIMEOUT]
    for name in wrong:
        yield _error("E007", f"{_name(name)} must be above 0 and below {WEB_TIMEOUT} seconds.", _example(name))
    if wrong:
        return
    if sum(timeouts.values()) >= WEB_TIMEOUT:
        message = (
            f"{', '.join(TIMEOUTS)} together are {sum(timeouts.values()):g} seconds; they must stay below "
            f"{WEB_TIMEOUT}, since many a web server ends a request after 30."
        )
        yield _error("E008", message, _example(*TIMEOUTS))
    if sound.claim_window >= sound.CLAIM_TIMEOUT:
        message = (
            f"{_name('CLAIM_TIMEOUT')} must be longer than {sound.claim_window.total_seconds():g} seconds, three times "
            "CONNECT_TIMEOUT and READ_TIMEOUT; otherwise a sender at work is taken for a dead one."
        )
        yield _error("E009", message, _example("CLAIM_TIMEOUT"))


def _retry_waits(sound: Settings) -> Iterator[CheckMessage]:
    if not sound.RETRY_WAITS or min(sound.RETRY_WAITS) <= timedelta():
        message = f"{_name('RETRY_WAITS')} must hold at least one waiting time, and each must be above 0."
        yield _error("E010", message, _example("RETRY_WAITS"))


def _clients(sound: Settings) -> Iterator[CheckMessage]:
    fault = _function_fault(str(sound.CLIENTS), verifications=[]) if sound.CLIENTS else ""
    if fault:
        hint = 'Write the dotted path of a function, for example "CLIENTS": "myproject.clients.describe".'
        yield _error("E012", f"{_name('CLIENTS')} {fault}.", hint)


def _sender(sound: Settings) -> Iterator[CheckMessage]:
    path = str(sound.SENDER)
    if not path:
        return
    if fault := _function_fault(path, 1, run_after=None):
        hint = 'Write the dotted path of a function, for example "SENDER": "idenfy_kyc.contrib.tasks.enqueue".'
        yield _error("E013", f"{_name('SENDER')} {fault}.", hint)
    elif path in OUR_SENDERS and (unfit := import_string(OUR_SENDERS[path])()):
        hint = "Choose one whose worker is a process of its own, such as django-tasks-db, or Celery with a broker."
        yield _error("E013", f"The queue behind {_name('SENDER')} {unfit}.", hint)


def _function_fault(path: str, *args: Any, **kwargs: Any) -> str:
    """What is wrong with the path of a function, to follow its name in a sentence; empty if nothing is.

    It is to be called with arguments like these.
    """
    try:
        function = import_string(path)
    except Exception as error:  # noqa: BLE001 (a module of the host's: importing it may raise anything)
        return f"cannot be imported: {type(error).__name__}"
    if not callable(function):
        return f"is no function; it is {_kind(function)}"
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        arguments = [*["a number"] * len(args), *(f"{name}=…" for name in kwargs)]
        return f"cannot be called with {' and '.join(arguments)}"
    except ValueError:
        pass  # written in C, it may not tell
    return ""


def _sound_settings(given: Mapping[Any, Any]) -> Settings:
    """The settings with the default in place of each value of the wrong type."""
    return Settings(**{name: value for name, value in given.items() if name in _DEFAULTS and _is_sound(name, value)})


def _is_sound(name: str, value: object) -> bool:
    if name in CREDENTIALS and value is None:
        return True  # what os.environ.get() gives: not set, which has its own message
    return _fits(_TYPES[name], value)


def _fits(expected: Any, value: object) -> bool:
    if get_origin(expected) is tuple:
        item = get_args(expected)[0]
        return isinstance(value, tuple | list) and all(_fits(item, member) for member in value)
    if get_origin(expected) is UnionType:
        return any(_fits(one, value) for one in get_args(expected))
    if isinstance(value, bool):
        return expected is bool
    if expected is float:
        return isinstance(value, int | float)
    if expected is str:
        return isinstance(value, str | Promise)
    return isinstance(value, expected)


def _type_in_words(expected: Any) -> str:
    if get_origin(expected) is tuple:
        return {str: "a list of strings", timedelta: "a list of timedeltas"}[get_args(expected)[0]]
    if get_origin(expected) is UnionType:
        return f"{_type_in_words(get_args(expected)[0])} or None"
    return {str: "a string", bool: "True or False", int: "a whole number", float: "a number", timedelta: "a timedelta"}[
        expected
    ]


def _kind(value: object) -> str:
    """The type of what was given, never the value."""
    if isinstance(value, tuple | list) and value:
        kinds = sorted({type(member).__name__ for member in value})
        return f"a {type(value).__name__} of {' and '.join(kinds)}"
    return "None" if value is None else f"of type {type(value).__name__}"


def _written(value: Any) -> str:
    """A default, or a number, as one writes it in a settings file."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]" if value else '["…"]'
    if isinstance(value, timedelta):
        unit = next((unit for unit in ("days", "hours", "minutes") if not value % timedelta(**{unit: 1})), "seconds")
        return f"timedelta({unit}={value / timedelta(**{unit: 1}):g})"
    if isinstance(value, str):
        return f'"{value or "…"}"'
    return repr(value)


def _name(name: str) -> str:
    return f'{SETTING}["{name}"]'


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _error(number: str, message: str, hint: str) -> CheckMessage:
    return Error(message, hint=hint, id=f"idenfy_kyc.{number}")


def _example(*names: str) -> str:
    pairs = (f'"{name}": {_written(_DEFAULTS[name])}' for name in names)
    return f"Write, for example, {', '.join(pairs)}."
