"""The browser of the proof's officers: what it would send of a page's forms."""

from __future__ import annotations

from prove.officers import forms_of

PAGE = """
<input name="stray" value="1">
<form action="/one/"><input type="hidden" name="csrfmiddlewaretoken" value="t"><input type="checkbox" name="off">
<input type="checkbox" name="on" checked><select name="unit"><option value="hours">h</option>
<option value="days" selected>d</option></select><input type="submit" name="_confirm" value="Ask"></form>
<form><select name="first"><option value="a">a</option><option value="b">b</option></select>
<button name="act">Go</button><input name="note"></form>
"""


class TestTheForms:
    def test_hold_what_a_browser_would_send(self) -> None:
        one, other = forms_of(PAGE)

        assert (one.action, one.buttons) == ("/one/", {"_confirm": "Ask"})
        assert one.fields == {"csrfmiddlewaretoken": "t", "on": "on", "unit": "days"}
        assert (other.action, other.fields, other.buttons) == ("", {"first": "a", "note": ""}, {"act": ""})
