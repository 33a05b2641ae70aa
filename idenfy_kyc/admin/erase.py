"""Erasing personal data, by client: what goes and what stays is on the page before the button, with numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, AdminForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy, pgettext

from .. import dates, services
from ..choices import EventKind
from ..clients import introduce
from ..decorators import durable
from ..exceptions import BeingAsked
from ..models import RequestEvent, Verification
from .base import BaseAdmin
from .drawing import client_html, client_name
from .seen import user_of

MAY_ERASE = "idenfy_kyc.erase_personal_data"
AT_ONCE = 500
"""As many verifications are erased in one transaction: all of them, or none. So many can be ticked."""

_GOES: dict[str, Any] = {
    "names": ngettext_lazy("%(count)s name", "%(count)s names", "n"),
    "client_ids": ngettext_lazy("%(count)s client ID", "%(count)s client IDs", "n"),
    "answers": ngettext_lazy(
        "%(count)s answer: what was written, risk scores, what did not match",
        "%(count)s answers: what was written, risk scores, what did not match",
        "n",
    ),
    "bodies": ngettext_lazy(
        "the content of %(count)s delivery from iDenfy", "the content of %(count)s deliveries from iDenfy", "n"
    ),
    "checks": ngettext_lazy(
        "iDenfy’s check results of %(count)s verification", "iDenfy’s check results of %(count)s verifications", "n"
    ),
    "documents": ngettext_lazy(
        "%(count)s date on which a document expires", "%(count)s dates on which documents expire", "n"
    ),
    "words": ngettext_lazy(
        "iDenfy’s words about %(count)s request that it refused",
        "iDenfy’s words about %(count)s requests that it refused",
        "n",
    ),
    "digits": ngettext_lazy(
        "the last four digits of a bank card, with %(count)s request",
        "the last four digits of a bank card, with %(count)s requests",
        "n",
    ),
    "links": ngettext_lazy("%(count)s link", "%(count)s links", "n"),
    "selections": ngettext_lazy(
        "the client ID or the name, in the words by which the clients of %(count)s batch were chosen",
        "client IDs or names, in the words by which the clients of %(count)s batches were chosen",
        "n",
    ),
}
_STAYS: dict[str, Any] = {
    "scan_refs": ngettext_lazy(
        "%(count)s scan reference, with its status and dates",
        "%(count)s scan references, with their statuses and dates",
        "n",
    ),
    "client_ids": ngettext_lazy(
        "a one-way hash of the client ID: whoever knows the ID can find that it was erased",
        "one-way hashes of the client IDs: whoever knows an ID can find that it was erased",
        "n",
    ),
    "requests": ngettext_lazy(
        "%(count)s request: who asked, when, for what kind of thing, and how it ended",
        "%(count)s requests: who asked, when, for what kind of thing, and how they ended",
        "n",
    ),
    "lines": ngettext_lazy("%(count)s line of the history", "%(count)s lines of the history", "n"),
}
_ENDS: dict[str, Any] = {
    "open_requests": ngettext_lazy(
        "%(count)s open request is withdrawn; its link stops working here at once. Whoever has gone on to iDenfy may "
        "still answer there, and nothing of it will be kept here.",
        "%(count)s open requests are withdrawn; their links stop working here at once. Whoever has gone on to iDenfy "
        "may still answer there, and nothing of it will be kept here.",
        "n",
    ),
    "planned": ngettext_lazy(
        "%(count)s planned request is left out of its plan.",
        "%(count)s planned requests are left out of their plans.",
        "n",
    ),
}


def may_erase(request: HttpRequest) -> bool:
    """Whether the user may erase clients' personal data."""
    return request.user.has_perm(MAY_ERASE)


def erased_text(verification: Verification) -> str:
    """“Personal data erased on 3 March by …”; empty if it is there."""
    if verification.erased_at is None:
        return ""
    day = dates.day_text(verification.erased_at)
    lines = RequestEvent.objects.filter(verification=verification, kind=EventKind.ERASED)
    name = lines.values_list("actor_name", flat=True).first()
    text = _("Personal data erased on %(day)s by %(name)s.") if name else _("Personal data erased on %(day)s.")
    return text % {"day": day, "name": name}


class ErasingAdmin(BaseAdmin):
    """The ways to erase: from a verification's page, and for the clients of the ticked ones."""

    erase_template = "admin/idenfy_kyc/verification/erase.html"

    def has_erase_personal_data_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_erase(request) and self.has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not once it is erased: what was forgotten here is not written down again by hand."""
        return super().has_change_permission(request, obj) and not _is_erased(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not what shows that somebody was erased."""
        return super().has_delete_permission(request, obj) and not _is_erased(obj)

    def save_model(self, request: HttpRequest, obj: Verification, form: Any, change: bool) -> None:
        """Write what was changed in the form and nothing else, unless the client was erased since it was opened."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        mine = Verification.objects.filter(pk=obj.pk, erased_at=None)
        if not mine.update(updated_at=timezone.now()):  # from here on, whoever erases waits
            raise PermissionDenied
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=[*columns.intersection(form.changed_data), "updated_at"])

    def get_urls(self) -> list[URLPattern]:
        return [self.own_path("erase", self.erase_view), *super().get_urls()]

    @durable
    def erase_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page of one client, named by any of his verifications: his ID would stand in the server's log."""
        if not self.has_erase_personal_data_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        verification = self.get_object(request, object_id)
        if verification is None:
            return self.not_there(request, object_id)
        return self._erase_page(request, [verification], back=self.url_of("change", verification.pk))

    @admin.action(description=gettext_lazy("Erase personal data…"), permissions=["erase_personal_data"])
    def erase_personal_data(self, request: HttpRequest, queryset: QuerySet[Verification]) -> HttpResponse | None:
        """The same page for the clients of the ticked ones."""
        ticked, across = request.POST.getlist(ACTION_CHECKBOX_NAME), request.POST.get("select_across") == "1"
        chosen = list(queryset[: AT_ONCE + 1])
        if len(chosen) > AT_ONCE:
            text = _("%(limit)s verifications can be erased at once. Choose fewer. Nothing was erased.")
            messages.error(request, text % {"limit": dates.number_text(AT_ONCE)})
            return None
        hidden = [("action", "erase_personal_data"), ("select_across", "1" if across else "0")]
        hidden += [(ACTION_CHECKBOX_NAME, key) for key in (ticked[:1] if across else ticked)]
        return self._erase_page(request, chosen, back=request.get_full_path(), hidden=hidden)

    def _erase_page(
        self,
        request: HttpRequest,
        chosen: Sequence[Verification],
        *,
        back: str,
        hidden: Iterable[tuple[str, str]] = (),
    ) -> HttpResponse:
        """Show what goes and what stays, let the person type it, then erase and redirect to ``back``.

        The page posts to itself with ``_erase``; ``hidden`` is what it must send along, as for an action of a list.
        """
        rows, unseen = self._of_the_clients(request, chosen)
        if not rows:
            messages.info(request, _("There is nothing left to erase: it was erased before."))
            return HttpResponseRedirect(back)
        sent = request.method == "POST" and "_erase" in request.POST
        form = EraseForm(request.POST if sent else None, word=_word(rows), initial={"expected": len(rows)})
        if sent and form.is_valid():
            if _erase(request, rows, form.cleaned_data["expected"]):
                return HttpResponseRedirect(back)
            form = EraseForm(word=_word(rows), initial={"expected": len(rows)})
        context = self.page_context(
            request,
            title=_title(rows),
            crumb=_("Erase personal data…"),
            form=form,
            adminform=AdminForm(form, [(None, {"fields": ["typed"]})], {}),  # type: ignore[arg-type]
            errors=form.errors,
            hidden=hidden,
            back=back,
            button="_erase",
            button_text=_button(len(rows)),
            rows=[self._as_line(row) for row in rows],
            unseen=_unseen(unseen) if unseen else "",
            **_columns(services.holdings_of(rows)),
        )
        return TemplateResponse(request, self.erase_template, context)

    def _of_the_clients(self, request: HttpRequest, chosen: Sequence[Verification]) -> tuple[list[Verification], int]:
        """The verifications of these clients that this user sees, and how many more there are."""
        keys = set(services.of_clients(chosen).filter(erased_at=None).values_list("pk", flat=True))
        seen = self.get_queryset(request).filter(pk__in=keys).order_by("client_id", "pk")
        rows = list({row.pk: row for row in seen}.values())
        introduce(rows)
        return rows, len(keys) - len(rows)

    def _as_line(self, row: Verification) -> dict[str, Any]:
        return {
            "client": client_html(row),
            "url": self.url_of("change", row.pk),
            "scan_ref": row.scan_ref,
            "status": row.status_label,
            "verified_on": dates.short_day_text(row.verified_at) if row.verified_at else "",
        }


class EraseForm(forms.Form):
    """The client ID, or a word, typed by hand; and how many the person was shown, so that nobody erases more."""

    typed = forms.CharField(required=False)
    expected = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, word: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.word = word
        typed = self.fields["typed"]
        typed.label = _("To go on, type %(word)s") % {"word": word}
        typed.help_text = _("Letter by letter, as it stands here.")
        typed.widget.attrs = {"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}
        if self.errors:
            typed.widget.attrs["autofocus"] = True

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"])
        if typed != self.word.strip():
            raise ValidationError(_("That is not it. Type %(word)s, letter by letter.") % {"word": self.word})
        return typed


def _erase(request: HttpRequest, rows: Sequence[Verification], expected: int | None) -> bool:
    """Erase them, unless they are not as many as the person was shown; return whether they were."""
    if expected != len(rows):
        messages.warning(request, _("Something changed in the meantime. Look at the numbers, and type it again."))
        return False
    try:
        erased = services.erase(rows, by=user_of(request))
    except BeingAsked:
        messages.error(request, _("A client is being asked at this moment: wait a minute, and type it again."))
        return False
    text = ngettext(
        "The personal data of %(count)s verification was erased.",
        "The personal data of %(count)s verifications was erased.",
        erased,
    )
    messages.success(request, text % {"count": dates.number_text(erased)})
    return True


def _is_erased(verification: Verification | None) -> bool:
    return verification is not None and verification.erased_at is not None


def _is_one_client(rows: Sequence[Verification]) -> bool:
    return len({row.client_id or row.pk for row in rows}) == 1


def _word(rows: Sequence[Verification]) -> str:
    """What is to be typed: the ID of one client, or else a word."""
    client_id = rows[0].client_id if _is_one_client(rows) else ""
    return client_id or pgettext("to be typed before erasing", "ERASE")


def _title(rows: Sequence[Verification]) -> str:
    if _is_one_client(rows):
        return _("Erase the personal data of %(client)s") % {"client": client_name(rows[0])}
    clients = len({row.client_id or row.pk for row in rows})
    return _("Erase the personal data of %(count)s clients") % {"count": dates.number_text(clients)}


def _button(count: int) -> str:
    text = ngettext(
        "Erase the personal data of %(count)s verification",
        "Erase the personal data of %(count)s verifications",
        count,
    )
    return text % {"count": dates.number_text(count)}


def _unseen(count: int) -> str:
    text = ngettext(
        "There is %(count)s more verification of these clients, which you may not see. It stays as it is, with the "
        "name and the client ID.",
        "There are %(count)s more verifications of these clients, which you may not see. They stay as they are, with "
        "the name and the client ID.",
        count,
    )
    return text % {"count": dates.number_text(count)}


def _columns(holdings: services.Holdings) -> dict[str, list[str]]:
    """What goes, what stays and what ends, each as lines with numbers; without those of which there are none."""
    return {
        column: [
            str(text % {"n": count, "count": dates.number_text(count)})
            for name, text in texts.items()
            if (count := getattr(holdings, name))
        ]
        for column, texts in (("goes", _GOES), ("stays", _STAYS), ("ends", _ENDS))
    }
