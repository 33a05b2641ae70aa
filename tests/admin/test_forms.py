from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import AdminForm

from idenfy_kyc.admin.forms import DAYS, HOURS, KnownKeys, LifetimeWidget, PlanForm, known_keys
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, RequestBatch
from tests.admin.pages import filled_in
from tests.factories import make_batch, make_request


def bound(*, asked: int = 2, **fields: Any) -> PlanForm:
    return PlanForm(filled_in(**fields), instance=RequestBatch(), asked=asked)


class TestLifetime:
    @pytest.mark.parametrize(
        ("lifetime", "shown"),
        [
            (timedelta(days=14), [14, DAYS]),
            (timedelta(hours=36), [36, HOURS]),
            (timedelta(hours=1), [1, HOURS]),
            (None, [None, DAYS]),
        ],
    )
    def test_is_shown_in_days_where_they_come_out_even(self, lifetime: timedelta | None, shown: list[Any]) -> None:
        assert LifetimeWidget().decompress(lifetime) == shown

    @pytest.mark.parametrize(
        ("number", "unit", "lifetime"),
        [("1", "hours", timedelta(hours=1)), ("30", "days", timedelta(days=30)), ("720", "hours", timedelta(days=30))],
    )
    def test_is_a_number_and_a_unit(self, number: str, unit: str, lifetime: timedelta) -> None:
        form = bound(lifetime_0=number, lifetime_1=unit)

        assert form.is_valid()
        assert form.instance.lifetime == lifetime

    @pytest.mark.parametrize(
        ("number", "unit"),
        [
            ("0", "days"),
            ("31", "days"),
            ("721", "hours"),
            ("-1", "days"),
            ("", "days"),
            ("14", ""),
            ("14", "fortnights"),
            ("5", "minutes"),
            ("0.5", "hours"),
            ("soon", "days"),
            ("9" * 30, "days"),
        ],
    )
    def test_is_refused_out_of_bounds_with_one_sentence(self, number: str, unit: str) -> None:
        form = bound(lifetime_0=number, lifetime_1=unit)

        assert not form.is_valid()
        assert form.errors == {"lifetime": ["Choose between 1 hour and 30 days."]}

    def test_has_one_label_that_belongs_to_the_number(self) -> None:
        page = str(bound().as_admin().form)

        assert '<label for="id_lifetime_0">' in page
        assert 'aria-describedby="id_lifetime_0_helptext"' in page

    def test_has_no_label_to_bind_without_an_id(self) -> None:
        assert LifetimeWidget().id_for_label("") == ""


class TestPlanForm:
    @pytest.mark.parametrize(
        ("field", "value", "error"),
        [
            ("additional_step_upload_required", "", "Choose at least one thing to ask for."),
            ("risk_assessment_profile", "no-uuid", "A profile ID looks like 3f2d0e6a-0a37-11ec-a45b-025ad99a18e7."),
            ("note", "", "Give a reason."),
            ("note", "   ", "Give a reason."),
        ],
    )
    def test_says_at_the_field_what_is_wrong(self, field: str, value: str, error: str) -> None:
        form = PlanForm(filled_in(**{field: value}), instance=RequestBatch(), asked=2)

        assert not form.is_valid()
        assert form.errors == {field: [error]}

    def test_takes_a_blank_questionnaire_for_none(self) -> None:
        form = bound(additional_step_upload_required="", questionnaire="   ")

        assert not form.is_valid()
        assert form.errors == {"additional_step_upload_required": ["Choose at least one thing to ask for."]}

    @pytest.mark.parametrize("digits", ["123", "12345", "12a4", "١٢٣٤"])
    def test_refuses_digits_that_are_not_four(self, digits: str) -> None:
        form = bound(asked=1, bank_card_verification="on", bank_card_expected_last_four=digits)

        assert not form.is_valid()
        assert form.errors == {"bank_card_expected_last_four": ["Four digits, for example 4242."]}

    def test_refuses_digits_without_the_check_that_they_belong_to(self) -> None:
        form = bound(asked=1, bank_card_expected_last_four="4242")

        assert not form.is_valid()
        assert list(form.errors) == ["bank_card_verification"]

    def test_takes_the_digits_of_one_client(self) -> None:
        form = bound(asked=1, bank_card_verification="on", bank_card_expected_last_four="4242")

        assert form.is_valid()
        assert form.last_four == "4242"

    def test_has_no_place_for_digits_with_more_than_one_client(self) -> None:
        form = bound(asked=2, bank_card_verification="on", bank_card_expected_last_four="4242")

        assert form.is_valid()
        assert form.last_four is None

    def test_puts_the_cursor_into_the_first_field_that_is_wrong(self) -> None:
        form = bound(lifetime_0="0", note="")

        form.focus_first_error()

        page = str(form)
        assert page.count("autofocus") == 1
        assert form.fields["lifetime"].widget.widgets[0].attrs["autofocus"]

    def test_leaves_the_cursor_alone_without_an_error(self) -> None:
        form = bound()

        form.focus_first_error()

        assert "autofocus" not in str(form)

    @pytest.mark.parametrize("asked", [1, 2, 101])
    def test_shows_every_field_in_the_frame_of_the_admin(self, asked: int) -> None:
        form = bound(asked=asked)

        admin_form = form.as_admin()

        names = [name for _title, options in admin_form.fieldsets for name in options["fields"]]
        assert isinstance(admin_form, AdminForm)
        assert set(names) == set(form.fields) - {"expected", "drafts_shown"}


class TestTypedCount:
    def typed(self, text: str, *, asked: int = 1234, **fields: Any) -> PlanForm:
        return bound(asked=asked, typed_count=text, **fields)

    @pytest.mark.parametrize(
        "text", ["1234", "1,234", "1.234", "1 234", "1\u00a0234", "1\u202f234", "1’234", "1'234", " 1234 ", "١٢٣٤"]
    )
    def test_is_taken_however_its_digits_are_grouped(self, text: str) -> None:
        form = self.typed(text, expected="1234")

        assert form.is_valid(), form.errors
        assert form.number_shown == 1234

    @pytest.mark.parametrize("text", ["", "123", "12345", "-1234", "1234e0", "all", "²", "9" * 40, "1234 clients"])
    def test_is_refused_with_the_number_at_the_field(self, text: str) -> None:
        form = self.typed(text)

        assert not form.is_valid()
        assert form.errors == {"typed_count": ["Type 1,234 here: this is how many clients will be asked."]}

    def test_is_the_number_that_stood_on_the_button(self) -> None:
        """If that is not true any more, it is for ``services.confirm`` to say what has changed."""
        form = self.typed("1240", expected="1240")

        assert form.is_valid()
        assert form.number_shown == 1240

    def test_is_the_number_that_would_be_asked_if_nobody_says_what_stood_there(self) -> None:
        assert not self.typed("1240").is_valid()
        assert self.typed("1234").is_valid()

    @pytest.mark.parametrize(
        ("limit", "asked", "wanted"),
        [(100, 100, False), (100, 101, True), (None, 10_000, False), (0, 1, True), (5, 6, True)],
    )
    def test_is_wanted_above_a_number_that_is_a_setting(
        self, settings: Any, limit: int | None, asked: int, wanted: bool
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"TYPE_COUNT_ABOVE": limit}

        assert ("typed_count" in PlanForm(instance=RequestBatch(), asked=asked).fields) is wanted

    def test_bears_the_number_in_its_label(self) -> None:
        form = PlanForm(instance=RequestBatch(), asked=1234)

        assert form.fields["typed_count"].label == "Type 1,234 to confirm"
        assert form.names_shown[-1] == "typed_count"

    def test_is_not_wanted_from_whoever_may_not_confirm(self) -> None:
        assert "typed_count" not in PlanForm(instance=RequestBatch(), asked=1234, counts=False).fields


class TestQuestionnaire:
    @pytest.mark.parametrize(
        ("typed", "known", "is_new"),
        [
            ("", KnownKeys(["a"], is_all=True), False),
            ("a", KnownKeys(["a"], is_all=True), False),
            (" a ", KnownKeys(["a"]), False),
            ("b", KnownKeys(["a"], is_all=True), True),
            ("b", KnownKeys(["a"]), True),
        ],
    )
    def test_is_marked_if_it_was_never_used_and_blocks_nothing(
        self, typed: str, known: KnownKeys, is_new: bool
    ) -> None:
        form = bound(questionnaire=typed)

        form.suggest(known)

        page = str(form["questionnaire"])
        assert (">never used here yet</span>" in page) is is_new
        assert ("data-ik-mark" in page) is known.is_all
        assert '<option value="a">' in page
        assert form.is_valid()


@pytest.mark.django_db
class TestKnownKeys:
    def test_are_those_with_which_idenfy_has_issued_a_link(self) -> None:
        for key in ("source-of-funds", "address", "address"):
            make_request(State.ISSUED, batch=make_batch(confirmed=True, questionnaire=key))
        make_request(State.REFUSED, batch=make_batch(confirmed=True, questionnaire="misspelt"))
        make_request(State.ISSUED, batch=make_batch(confirmed=True, questionnaire=""))

        known = known_keys(RequestBatch.objects.all(), InformationRequest.objects.all(), "")

        assert known == KnownKeys(["address", "source-of-funds"], is_all=True)

    def test_are_those_of_the_newest_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("idenfy_kyc.admin.forms.BATCHES_LOOKED_AT", 2)
        for key in ("older", "old", "new", "newest"):
            make_request(State.ISSUED, batch=make_batch(confirmed=True, questionnaire=key))

        known = known_keys(RequestBatch.objects.all(), InformationRequest.objects.all(), "old")

        assert known == KnownKeys(["new", "newest", "old"], is_all=False)
        assert known_keys(RequestBatch.objects.all(), InformationRequest.objects.all(), "never").keys == [
            "new",
            "newest",
        ]

    def test_are_none_of_what_the_reader_does_not_see(self) -> None:
        make_request(State.ISSUED, batch=make_batch(confirmed=True, questionnaire="source-of-funds"))

        assert known_keys(RequestBatch.objects.none(), InformationRequest.objects.all(), "").keys == []
        assert known_keys(RequestBatch.objects.all(), InformationRequest.objects.none(), "").keys == []
