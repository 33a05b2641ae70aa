"""The form of a plan: what is asked of its clients, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from ..choices import State
from ..models import RequestBatch
from ..models.request import InformationRequestQuerySet, validate_last_four

HOURS, DAYS = "hours", "days"
_UNITS = {HOURS: timedelta(hours=1), DAYS: timedelta(days=1)}
_LONGEST = 24 * 31
"""Anything above is out of bounds in either unit; without a limit a mistyped number would overflow."""
_LIFETIME_ERROR = _("Choose between 1 hour and 30 days.")
KEYS_SUGGESTED = 20
BATCHES_LOOKED_AT = 100
"""Enough to find the keys that are in use; each costs the database a look at its requests."""
KEYS_LIST_ID = "idenfy-questionnaires"


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


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
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
            "questionnaire": AdminTextInputWidget(
                attrs={"list": KEYS_LIST_ID, "autocomplete": "off", "spellcheck": "false"}
            ),
            "risk_assessment_profile": AdminTextInputWidget(
                attrs={"maxlength": 36, "autocomplete": "off", "spellcheck": "false"}
            ),
            "note": AdminTextInputWidget(attrs={"aria-required": "true"}),
        }

    def __init__(self, *args: Any, asked: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False
        lifetime = self.fields["lifetime"].widget
        lifetime.attrs["aria-describedby"] = f"{self['lifetime'].id_for_label}_helptext"
        if asked != 1:
            del self.fields["bank_card_expected_last_four"]
        elif self.instance.pk:
            digits = self.instance.rows_in(State.DRAFT).values_list("bank_card_expected_last_four", flat=True)
            self.initial["bank_card_expected_last_four"] = digits.first() or ""

    @property
    def last_four(self) -> str | None:
        """The digits expected on the client's card; None if nobody was asked for them."""
        return self.cleaned_data.get("bank_card_expected_last_four")

    def clean(self) -> dict[str, Any]:
        """Digits to compare with are of use only if the card is looked at."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("bank_card_expected_last_four") and not cleaned.get("bank_card_verification"):
            self.add_error(
                "bank_card_verification", _("Choose this too: the four digits belong to the bank card check.")
            )
        return cleaned

    def focus_first_error(self) -> None:
        """Let the page open at the first field that needs correcting."""
        for name, field in self.fields.items():
            if name in self.errors:
                widget = field.widget
                first = widget.widgets[0] if isinstance(widget, forms.MultiWidget) else widget
                first.attrs["autofocus"] = True
                return

    def as_admin(self) -> AdminForm:
        """The form as the admin's own fieldset template draws it."""
        names = [name for name in self.Meta.fields if name in self.fields]
        if "bank_card_expected_last_four" in self.fields:
            names.insert(names.index("bank_card_verification") + 1, "bank_card_expected_last_four")
        return AdminForm(self, [(_("What to ask for, and why"), {"fields": names})], {})


def accepted_questionnaires(batches: QuerySet[RequestBatch], requests: InformationRequestQuerySet) -> list[str]:
    """Keys that iDenfy has accepted lately, for the questionnaire field to suggest; of what the reader may see."""
    accepted = Exists(requests.order_by().filter(batch=OuterRef("pk"), issued_at__isnull=False))
    asked = batches.filter(confirmed_at__isnull=False).exclude(questionnaire="").order_by("-confirmed_at")
    newest = asked.filter(accepted).values_list("questionnaire", flat=True)[:BATCHES_LOOKED_AT]
    return sorted(dict.fromkeys(newest))[:KEYS_SUGGESTED]
