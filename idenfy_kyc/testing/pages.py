"""The pages of the fake: behind a link, where one plays the client and the reviewer; and the list of all links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from idenfy_kyc.testing import forms
from idenfy_kyc.testing.forms import time_of
from idenfy_kyc.testing.journal import Session
from idenfy_kyc.testing.outbox import Told
from idenfy_kyc.testing.people import Standing
from idenfy_kyc.testing.replies import Reply, html_reply

# A file of its own, so that the page also looks right under a host project's strict content security policy.
STYLE = b"""\
:root { color-scheme: light dark; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: #eef1f6; color: #1c2430; }
main { max-width: 34rem; margin: 8vh auto; padding: 1.5rem 2rem; background: #fff; border-radius: .75rem; }
h1 { margin: 0; font-size: 1.4rem; }
h1 small { font-size: .9rem; font-weight: normal; opacity: .75; }
h2 { margin: 2rem 0 .5rem; padding-top: 1rem; border-top: 1px solid #8886; font-size: 1.1rem; }
dt { margin-top: 1rem; font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.2rem; }
.problem { padding: .5rem .75rem; border-left: 4px solid #b3261e; background: #b3261e1a; }
form { margin: 0; }
fieldset { margin: 1rem 0; padding: .25rem .75rem .75rem; border: 1px solid #8886; border-radius: .4rem; }
legend { padding: 0 .3rem; font-weight: 600; }
.field { margin: .75rem 0 0; }
.field > label { display: block; }
.choices label { display: block; margin-top: .25rem; }
input:not([type=checkbox], [type=radio]), select, textarea {
  box-sizing: border-box; width: 100%; padding: .4rem; font: inherit;
}
button { margin-top: 1rem; padding: .45rem 1rem; font: inherit; cursor: pointer; }
.list { padding: 0; list-style: none; }
.list li { padding: .6rem 0; border-bottom: 1px solid #8886; overflow-wrap: anywhere; }
.list form { margin-top: .25rem; }
.list button { margin: 0; padding: .1rem .5rem; font-size: .85rem; }
.note { margin-top: 1.5rem; padding-top: 1rem; border-top: 1px solid #8886; font-size: .9rem; }
@media (prefers-color-scheme: dark) {
  body { background: #12161d; color: #e6eaf0; }
  main { background: #1d232d; }
}
"""

_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'"),
)
_STANDINGS = {
    Standing.OPEN: "This link works.",
    Standing.EXPIRED: "This link has expired.",
    Standing.IN_REVIEW: "The client has answered. A reviewer decides next.",
    Standing.OVER: "This request is over.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A link with what became of it. ``has_address`` says whether the fake knows where its deliveries go."""

    session: Session
    standing: Standing
    told: Sequence[Told] = ()
    has_address: bool = True


def style_sheet() -> Reply:
    """The pages' looks."""
    return Reply(status=200, headers=(("Content-Type", "text/css"),), body=STYLE)


def session_page(shown: Shown | None, *, problem: str = "") -> Reply:
    """The page of one link; None is a link that was never issued. ``problem`` says why an act was not possible."""
    if shown is None:
        return html_reply(404, _page("<p>This link is not known.</p>"), *_HEADERS)
    session = shown.session
    asks = "".join(f"<li>{escape(ask)}</li>" for ask in _in_words(session)) or "<li>Nothing in particular</li>"
    content = (
        (f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else "")
        + f"<p><strong>{_standing(shown)}</strong></p>"
        f"<dl><dt>Verification</dt><dd>{escape(session.scan_ref)}</dd>"
        f"<dt>What is asked for</dt><dd><ul>{asks}</ul></dd>"
        f"<dt>This link works until</dt><dd>{time_of(session.expires_at)}</dd>"
        f"<dt>It was made at</dt><dd>{time_of(session.issued_at)}</dd></dl>"
        f"{_what_next(shown)}"
    )
    return html_reply(409 if problem else 200, _page(content), *_HEADERS)


def list_page(all_shown: Sequence[Shown]) -> Reply:
    """The newest links: what iDenfy's dashboard would show, and a way back to a page whose tab was closed."""
    rows = "".join(
        f'<li><a href="../?authToken={quote(shown.session.token)}">{escape(shown.session.scan_ref)}</a><br>'
        f"<strong>{_standing(shown)}</strong> {time_of(shown.session.issued_at)}<br>"
        f"{'; '.join(map(escape, _in_words(shown.session))) or 'Nothing in particular'}</li>"
        for shown in all_shown
    )
    content = f'<h2>The newest links</h2><ul class="list">{rows}</ul>' if rows else "<p>No link was made yet.</p>"
    return html_reply(200, _page(content, root="../", is_list=True), *_HEADERS)


def _standing(shown: Shown) -> str:
    if shown.session.begins and shown.standing is Standing.OVER:
        return "This verification is over."
    return _STANDINGS[shown.standing]


def _what_next(shown: Shown) -> str:
    """What whoever looks at the page can do now, as the client or as the reviewer."""
    session, parts = shown.session, []
    if session.begins and shown.told:
        parts.append(_way_back(session.asks, shown.told[-1]))
    if shown.standing is Standing.OPEN:
        parts.append(forms.verification_form() if session.begins else forms.answer_form(session.asks))
    elif shown.standing is Standing.IN_REVIEW:
        parts.append(forms.decision_form("Decide, as iDenfy’s reviewer", session.asks))
    elif shown.told:
        parts.append(forms.decision_form("Decide anew, as iDenfy’s reviewer", session.asks))
    if shown.told:
        parts.append(forms.told_list(shown.told, has_address=shown.has_address))
    return "".join(parts)


def _way_back(asks: dict[str, Any], told: Told) -> str:
    """Where iDenfy would send the client now, if the project has said so."""
    name = {"APPROVED": "successUrl", "DENIED": "errorUrl"}.get(told.payload["status"]["overall"], "unverifiedUrl")
    address = str(asks.get(name) or "")
    if urlsplit(address).scheme not in {"http", "https"}:
        return ""
    return f'<p><a href="{escape(address)}">Go on, as the client, to the page that the project has named</a></p>'


def _page(content: str, *, root: str = "", is_list: bool = False) -> str:
    way = "" if is_list else f' <a href="{root}all/">All links</a>'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        "<title>iDenfy (a fake, for trying out)</title>\n"
        f'<link rel="stylesheet" href="{root}style.css">\n</head>\n<body>\n<main>\n'
        f"<h1>iDenfy <small>(a fake, for trying out)</small></h1>\n{content}\n"
        '<p class="note">This is not iDenfy. No file is uploaded from here, and what you enter goes to nobody but the '
        f"project that is being tried out.{way}</p>\n"
        "</main>\n</body>\n</html>\n"
    )


def _in_words(session: Session) -> list[str]:
    asks = session.asks
    words = ["To be verified, with a document and a face"] if session.begins else []
    if asks.get("additionalStepUploadRequired"):
        words.append("A document, for example a proof of address")
    if "questionnaire" in asks:
        words.append(f"The questionnaire “{asks['questionnaire']}”")
    if "riskAssessmentProfile" in asks:
        words.append(f"A risk assessment, profile {asks['riskAssessmentProfile']}")
    if asks.get("bankCardVerification"):
        last_four = asks.get("bankCardExpectedLastFour")
        words.append(f"A bank card that ends in {last_four}" if last_four else "A bank card")
    return words
