"""Officers with a browser: sessions, forms with their hidden fields, and a page that goes on by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import requests

from .evidence import Page

PASSWORD = "demo"
PATIENCE = 60.0
_AGAIN = 1.0
"""Seconds until an officer whose page did not come loads it anew."""
_ACCEPTS_JSON = {"Accept": "application/json", "X-Requested-With": "XMLHttpRequest"}


class PageFailedError(Exception):
    """A page did not come."""


@dataclass(slots=True)
class Form:
    """A form as it stands on a page, with what a browser would send of it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", "")))
        if not self.forms:
            return
        form, name = self.forms[-1], given.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in form.fields):
            form.fields[self._select] = given.get("value", "")
        elif tag in {"input", "button"} and name:
            kind = given.get("type", "submit" if tag == "button" else "text")
            if kind == "submit":
                form.buttons[name] = given.get("value", "")
            elif kind not in {"checkbox", "radio"} or "checked" in given:
                form.fields[name] = given.get("value", "on" if kind == "checkbox" else "")


def forms_of(page: str) -> list[Form]:
    """Every form of a page."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms


class Officer:
    """One person, signed in. Each call is written to ``log``."""

    def __init__(self, url: str, name: str, log: Callable[[Page], None]) -> None:
        self._url = url
        self._log = log
        self._session = requests.Session()
        self._sign_in(name)

    def _sign_in(self, name: str) -> None:
        login = "/admin/login/?next=/admin/"
        form = forms_of(self._call("GET", login).text)[0]
        self._call("POST", login, data=form.fields | {"username": name, "password": PASSWORD})

    def plan(self, search: str) -> str:
        """Find clients in the list, choose all that match, *Request information…*; the address of the plan."""
        address = f"/admin/idenfy_kyc/verification/?q={search}"
        page = self._call("GET", address).text
        (form,) = (form for form in forms_of(page) if "select_across" in form.fields)
        one = page.partition('name="_selected_action" value="')[2].partition('"')[0]
        chosen = {"action": "request_information", "select_across": "1", "_selected_action": one}
        return self._call("POST", address, data=form.fields | chosen).url

    def open(self, plan: str) -> Form | None:
        """The form of a plan, as it stands on its page; None if there is nobody left to ask."""
        forms = forms_of(self._call("GET", plan).text)
        return next((form for form in forms if "_confirm" in form.buttons), None)

    def confirm(self, plan: str, form: Form, *, mark: str) -> None:
        """Fill in the form and press *Ask … clients*."""
        filled_in = {"questionnaire": mark, "note": f"proof {mark}", "typed_count": form.fields["expected"]}
        self._call("POST", plan, data=form.fields | filled_in | {"_confirm": form.buttons["_confirm"]})

    def is_plan(self, batch: str) -> bool:
        """Whether nobody has confirmed it, or whoever did found nobody left to ask."""
        return bool(self._step(batch, sends=False)["state"] == "plan")

    def ask_again(self, batch: str) -> str:
        """*Ask again…* for the uncertain ones of a batch: the address of the plan; empty if there are none."""
        forms = forms_of(self._call("GET", batch).text)
        found = [form for form in forms if "/again/" in form.action and form.fields.get("outcome") == "unknown"]
        return self._call("POST", found[0].action, data=found[0].fields).url if found else ""

    def keep_open(self, batch: str, *, sends: bool, may_continue: Callable[[], bool], until: threading.Event) -> None:
        """Do as the page of a batch does, until the batch is done or ``until``: ask for the next step, or watch.

        When the page is in trouble, load it again; when the batch has stopped, press *Continue* once that is wise.
        """
        while not until.is_set():
            try:
                found = self._step(batch, sends=sends)
                if found["state"] == "done":
                    return
                if found["state"] == "stopped" and may_continue():
                    self._call("POST", urljoin(batch, "../continue/"), data=self._token())
                until.wait(found["retry_after_ms"] / 1000)
            except PageFailedError:
                until.wait(_AGAIN)

    def _step(self, batch: str, *, sends: bool) -> dict[str, Any]:
        if sends:
            answer = self._call("POST", urljoin(batch, "../send/"), data=self._token(), headers=_ACCEPTS_JSON)
        else:
            answer = self._call("GET", urljoin(batch, "../progress/"), headers=_ACCEPTS_JSON)
        try:
            found: dict[str, Any] = answer.json()
        except ValueError:
            raise PageFailedError(f"{answer.url} is no JSON") from None
        return found

    def _token(self) -> dict[str, str]:
        return {"csrfmiddlewaretoken": self._session.cookies.get("csrftoken") or ""}

    def _call(self, method: str, address: str, **options: Any) -> requests.Response:
        """A page, redirects followed. Raises PageFailedError."""
        begun, trouble, answer = time.time(), "", None
        try:
            answer = self._session.request(method, urljoin(self._url, address), timeout=PATIENCE, **options)
        except requests.RequestException as error:
            trouble = f"{method} {address}: {type(error).__name__}"
        else:
            if answer.status_code >= 400:
                trouble = f"{method} {address}: {answer.status_code}"
        self._log(Page(begun=begun, ended=time.time(), trouble=trouble))
        if answer is None or trouble:
            raise PageFailedError(trouble)
        return answer
