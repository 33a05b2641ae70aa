"""The page behind a link: what the real client would see at iDenfy, as far as it helps to try things out."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any

from idenfy_kyc.testing.journal import Session
from idenfy_kyc.testing.replies import Reply, html_reply

# A file of its own, so that the page also looks right under a host project's strict content security policy.
STYLE = b"""\
:root { color-scheme: light dark; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: #eef1f6; color: #1c2430; }
main { max-width: 34rem; margin: 8vh auto; padding: 1.5rem 2rem; background: #fff; border-radius: .75rem; }
h1 { margin: 0; font-size: 1.4rem; }
h1 small { font-size: .9rem; font-weight: normal; opacity: .75; }
dt { margin-top: 1rem; font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.2rem; }
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
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'"),
)


def style_sheet() -> Reply:
    """The page's looks."""
    return Reply(status=200, headers=(("Content-Type", "text/css"),), body=STYLE)


def session_page(session: Session | None, *, now: float) -> Reply:
    """The page of one link; None is a link that was never issued."""
    if session is None:
        return html_reply(404, _page("<p>This link is not known.</p>"), *_HEADERS)
    asks = "".join(f"<li>{escape(ask)}</li>" for ask in _in_words(session.asks)) or "<li>Nothing in particular</li>"
    content = (
        f"<p><strong>{_standing(session, now)}</strong></p>"
        f"<dl><dt>Verification</dt><dd>{escape(session.scan_ref)}</dd>"
        f"<dt>What is asked for</dt><dd><ul>{asks}</ul></dd>"
        f"<dt>This link works until</dt><dd>{_time(session.expires_at)}</dd>"
        f"<dt>It was made at</dt><dd>{_time(session.issued_at)}</dd></dl>"
    )
    return html_reply(200, _page(content), *_HEADERS)


def _page(content: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        "<title>iDenfy (a fake, for trying out)</title>\n"
        '<link rel="stylesheet" href="style.css">\n</head>\n<body>\n<main>\n'
        f"<h1>iDenfy <small>(a fake, for trying out)</small></h1>\n{content}\n"
        '<p class="note">The link led here. At the real iDenfy the client would now answer; this page only shows what '
        "was asked, and nothing leaves your machine.</p>\n"
        "</main>\n</body>\n</html>\n"
    )


def _standing(session: Session, now: float) -> str:
    if not session.pending:
        return "This request is over."
    if session.expires_at <= now:
        return "This link has expired."
    return "This link works."


def _in_words(asks: dict[str, Any]) -> list[str]:
    words = []
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


def _time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return f'<time datetime="{moment.isoformat(timespec="seconds")}">{moment:%d %B %Y, %H:%M:%S} UTC</time>'
