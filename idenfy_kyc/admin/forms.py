"""The form of a plan: what is asked of its clients, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.forms.renderers import BaseRenderer
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..conf import get_settings
from ..dates import number_text
from ..models import RequestBatch
from ..models.request import InformationRequestQuerySet, validate_last_four

HOURS, DAYS = "hours", "days"
_UNITS = {HOURS: timedelta(hours=1), DAYS: timedelta(days=1)}
_LONGEST = 24 * 31
"""Anything above is out of bounds in either unit; without a limit a mistyped number would overflow."""
_LIFETIME_ERROR = _("Choose between 1 hour and 30 days.")
KEYS_SUGGESTED = 100
BATCHES_LOOKED_AT = 1000
"""Enough to find the keys that are in use; each costs the database a look at its requests."""
_BETWEEN_DIGITS = re.compile(r"[\s.,'’]")
"""What people put between the digits of a large number, in any language. A no-break space is a space here."""


class LifetimeWidget(forms.MultiWidget):
    """A number and its unit, side by side, with one label."""

    use_fieldset = False

    def __init__(self) -> None:
        units = ((HOURS, _("hours")), (DAYS, _("days")))
        super().__init__(
            [
                forms.NumberInput(attrs={"min": 1, "max": _LONGEST, "class": "ik-short"}),
                forms.Select(choices=units, attrs={"aria-label": _("Unit of time")}),
            ]
        )

    def id_for_label(self, id_: str) -> str:
        """The number bears the label; the unit has one of its own."""
        return f"{id_}_0" if id_ else id_

    def decompress(self, value: timedelta | None) -> list[Any]:
        """Days where they come out even, hours otherwise."""
        if value is None:
            return [None, DAYS]
        if value % _UNITS[DAYS]:
            return [value // _UNITS[HOURS], HOURS]
        return [value.days, DAYS]


class LifetimeField(forms.MultiValueField):
    """How long a link works, as a number of hours or days."""

    widget = LifetimeWidget

    def __init__(self, **kwargs: Any) -> None:
        errors = {"invalid": _LIFETIME_ERROR, "invalid_choice": _LIFETIME_ERROR, "required": _LIFETIME_ERROR}
        limits = {"min_value": _LIFETIME_ERROR, "max_value": _LIFETIME_ERROR}
        fields = (
            forms.IntegerField(min_value=1, max_value=_LONGEST, error_messages=errors | limits),
            forms.ChoiceField(choices=[(unit, unit) for unit in _UNITS], error_messages=errors),
        )
        super().__init__(fields, error_messages=errors, **kwargs)

    def compress(self, data_list: list[Any]) -> timedelta | None:
        """The number times the unit; whether it is within bounds is the model's to say."""
        return data_list[0] * _UNITS[data_list[1]] if data_list else None


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Keys of questionnaires with which iDenfy has issued links. ``is_all``: no other key ever had one."""

    keys: list[str] = field(default_factory=list)
    is_all: bool = False


class QuestionnaireWidget(AdminTextInputWidget):
    """Suggests the keys that have worked, and marks one that never has. The mark blocks nothing."""

    known = KnownKeys()
    is_new = False

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: BaseRenderer | None = None
    ) -> SafeString:
        """The field, its list of keys, and the mark, with the words that a script may put there."""
        words = _("never used here yet")
        return format_html(
            '{}<datalist id="{}">{}</datalist><span class="ik-mark" aria-live="polite"{}>{}</span>',
            super().render(name, value, {"list": f"{name}-known"} | (attrs or {}), renderer),
            f"{name}-known",
            format_html_join("", '<option value="{}"></option>', ((key,) for key in self.known.keys)),
            format_html(' data-ik-mark="{}"', words) if self.known.is_all else "",
            words if self.is_new else "",
        )


class CountForm(forms.Form):
    """What is done to many at once: if they are many, their number must be typed.

    ``asked`` is how many there are now; with ``counts`` it must be typed above ``TYPE_COUNT_ABOVE``.
    """

    typed_count = forms.CharField(
        required=False,
        widget=AdminTextInputWidget(
            attrs={"class": "ik-short", "inputmode": "numeric", "autocomplete": "off", "aria-required": "true"}
        ),
    )
    wrong_count: Any = _("Type %(count)s here: this is how many requests it concerns.")
    """What is said to whoever typed another number."""

    def __init__(self, *args: Any, asked: int, counts: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = asked
        limit = get_settings().TYPE_COUNT_ABOVE
        if counts and limit is not None and asked > limit:
            label = _("Type %(count)s to confirm") % {"count": number_text(asked)}
            self.fields["typed_count"].label = label
        else:
            del self.fields["typed_count"]

    @property
    def number_shown(self) -> int:
        """How many the person was told there are."""
        return self.asked

    @property
    def names_shown(self) -> list[str]:
        """The fields that there are, as they stand on the page."""
        return [field.name for field in self.visible_fields()]

    def clean_typed_count(self) -> str:
        """The number on the button, however its digits are grouped. What it is worth, is looked at again under lock."""
        typed = _BETWEEN_DIGITS.sub("", self.cleaned_data["typed_count"])
        if not typed.isdecimal() or len(typed) > 18 or int(typed) != self.number_shown:
            raise ValidationError(self.wrong_count, params={"count": number_text(self.asked)})
        return typed

    def focus_first_error(self) -> None:
        """Let the page open at the first field that needs correcting."""
        for name in self.names_shown:
            if name in self.errors:
                widget = self.fields[name].widget
                first = widget.widgets[0] if isinstance(widget, forms.MultiWidget) else widget
                first.attrs["autofocus"] = True
                return


class PlanForm(CountForm, forms.ModelForm):  # type: ignore[type-arg]
    """What to ask for. With one client also for the digits of his card: four digits belong to one person."""

    lifetime = LifetimeField(
        label=_("The link works for"),
        help_text=_("From the moment each client is asked. At most 30 days; it cannot be changed afterwards."),
    )
    bank_card_expected_last_four = forms.CharField(
        label=_("Expected last four digits"),
        required=False,
        validators=[validate_last_four],
        widget=AdminTextInputWidget(attrs={"class": "ik-short", "inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Of the card that you expect. Leave empty to accept any card."),
    )
    expected = forms.IntegerField(required=False, widget=forms.HiddenInput)
    drafts_shown = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = ("expected",)  # cleaned before the number that is typed, which is compared with it
    wrong_count = _("Type %(count)s here: this is how many clients will be asked.")

    class Meta:
        model = RequestBatch
        fields = (
            "additional_step_upload_required",
            "questionnaire",
            "risk_assessment_profile",
            "bank_card_verification",
            "lifetime",
            "note",
        )
        labels = {
            "additional_step_upload_required": _("Document upload, for example a proof of address"),
            "questionnaire": _("Questionnaire"),
            "risk_assessment_profile": _("Risk assessment profile"),
            "bank_card_verification": _("Bank card check"),
            "note": _("Reason"),
        }
        help_texts = {
            "additional_step_upload_required": _("Your iDenfy account must have an additional step set up."),
            "questionnaire": _(
                "Its key in iDenfy’s dashboard: ID Verifications → Configurations → Questionnaire Templates. "
                "Copy it exactly."
            ),
            "risk_assessment_profile": _("The profile’s ID, 36 characters."),
            "note": _(
                "For the record; clients do not see it. For example: annual review 2026, high risk. "
                "Write nothing personal: it stands with every client of this batch."
            ),
        }
        error_messages = {
            "note": {"required": _("Give a reason.")},
            "risk_assessment_profile": {"invalid": _("A profile ID looks like 3f2d0e6a-0a37-11ec-a45b-025ad99a18e7.")},
        }
        widgets = {
            "questionnaire": QuestionnaireWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
            "risk_assessment_profile": AdminTextInputWidget(
                attrs={"maxlength": 36, "autocomplete": "off", "spellcheck": "false"}
            ),
            "note": AdminTextInputWidget(attrs={"aria-required": "true"}),
        }

    def __init__(self, *args: Any, asked: int, **kwargs: Any) -> None:
        super().__init__(*args, asked=asked, **kwargs)
        self.use_required_attribute = False
        if asked != 1:
            del self.fields["bank_card_expected_last_four"]

    @property
    def last_four(self) -> str | None:
        """The digits expected on the card of the only client; None if he is not the only one."""
        digits: str | None = self.cleaned_data.get("bank_card_expected_last_four")
        return digits

    @property
    def questionnaire(self) -> str:
        """The key that stands in its field."""
        return str(self["questionnaire"].value() or "").strip()

    def clean(self) -> dict[str, Any]:
        """Digits to compare with are of use only if the card is looked at."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("bank_card_expected_last_four") and not cleaned.get("bank_card_verification"):
            self.add_error(
                "bank_card_verification", _("Choose this too: the four digits belong to the bank card check.")
            )
        return cleaned

    @property
    def number_shown(self) -> int:
        """How many the person was told will be asked."""
        expected: int | None = self.cleaned_data.get("expected")
        return self.asked if expected is None else expected

    @property
    def names_shown(self) -> list[str]:
        """The fields that there are, as they stand on the page."""
        names = list(self.Meta.fields)
        names.insert(names.index("bank_card_verification") + 1, "bank_card_expected_last_four")
        return [name for name in (*names, "typed_count") if name in self.fields]

    def as_admin(self) -> AdminForm:
        """The form as the admin's own fieldset template draws it."""
        lifetime = self["lifetime"]  # two fields with one help and one list of errors, which Django ties to neither
        described = [f"{lifetime.id_for_label}_helptext", *([f"{lifetime.auto_id}_error"] if lifetime.errors else [])]
        self.fields["lifetime"].widget.attrs["aria-describedby"] = " ".join(described)
        return AdminForm(self, [(_("What to ask for, and why"), {"fields": self.names_shown})], {})

    def suggest(self, known: KnownKeys) -> None:
        """Let the questionnaire field know the keys that have worked, and mark the one in it if it never has."""
        widget = self.fields["questionnaire"].widget
        widget.known, widget.is_new = known, self.questionnaire not in {"", *known.keys}


def known_keys(batches: QuerySet[RequestBatch], requests: InformationRequestQuerySet, key: str) -> KnownKeys:
    """The keys that iDenfy has accepted, of what the reader may see; ``key`` among them, however long ago it was."""
    accepted = Exists(requests.order_by().filter(batch=OuterRef("pk"), issued_at__isnull=False))
    asked = batches.filter(accepted, confirmed_at__isnull=False).exclude(questionnaire="").order_by("-confirmed_at")
    newest = list(asked.values_list("questionnaire", flat=True)[:BATCHES_LOOKED_AT])
    keys = sorted(set(newest))
    is_all = len(newest) < BATCHES_LOOKED_AT and len(keys) <= KEYS_SUGGESTED
    keys = keys[:KEYS_SUGGESTED]
    if key and not is_all and key not in keys and asked.filter(questionnaire=key).exists():
        keys.append(key)
    return KnownKeys(keys, is_all)
