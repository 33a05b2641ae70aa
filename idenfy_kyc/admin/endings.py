"""How staff end requests: withdraw them, or mark them as answered. A page says what that means, and asks why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from .. import dates, services, wording
from ..choices import State
from ..models import RequestBatch
from ..models.request import InformationRequestQuerySet
from ..services.ending import WITHDRAWABLE
from .base import BaseAdmin
from .drawing import batch_name, names_html
from .forms import CountForm
from .seen import may_ask, user_of

Words = Any
"""What ``ngettext_lazy`` makes: the number that decides is ``n``, the one that is read ``count``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One way to end requests: what can be ended so, what does it, and every word of its page."""

    button: str
    """The name of the button by which the page posts to itself."""
    template: str
    """The attribute of the admin that names the page's template."""
    among: Callable[[InformationRequestQuerySet], InformationRequestQuerySet]
    end: Callable[..., int]
    label: Promise
    note: dict[str, Any]
    """What the field for the reason is called, its help, and what is said if it is empty."""
    title: Words
    consequences: dict[State, Words]
    left_alone: Words
    nothing: Words
    done: Words

    def page(
        self,
        admin: BaseAdmin,
        request: HttpRequest,
        queryset: InformationRequestQuerySet,
        *,
        back: str,
        crumb: str = "",
        hidden: Mapping[str, str | list[str]] | None = None,
    ) -> HttpResponse:
        """Ask why, say what it means, then end those of ``queryset`` that can be; afterwards redirect to ``back``.

        ``hidden`` is what the page must send along, as for an action of a list. Raises ``PermissionDenied`` without
        ``request_information``.
        """
        if not may_ask(request):
            raise PermissionDenied
        if request.method == "POST":
            services.write_down_time(queryset)  # or a dead sender's requests would still count as being asked
        rows = self.among(queryset)
        found, chosen = list(rows.select_related(None).only("pk")), queryset.count()
        if not found:
            messages.warning(request, _counted(self.nothing, chosen))
            return HttpResponseRedirect(back)
        shown = services.digest_of(row.pk for row in found)
        sent = request.method == "POST" and self.button in request.POST
        form = NoteForm(request.POST if sent else None, words=self.note, asked=len(found), initial={"shown": shown})
        if sent and form["shown"].value() != shown:
            messages.warning(request, _("Something changed in the meantime. Look at the numbers, and press again."))
            typed = {"shown": shown, "note": form["note"].value()}
            form = NoteForm(words=self.note, asked=len(found), initial=typed)
        elif sent and form.is_valid():
            ended = self.end(found, by=user_of(request), note=form.cleaned_data["note"])
            messages.success(request, _counted(self.done, ended))
            return HttpResponseRedirect(back)
        form.focus_first_error()
        context: dict[str, Any] = self._words(rows, len(found), chosen) | {
            "crumb": crumb or str(self.label),
            "button": self.button,
            "button_text": _counted(self.title, len(found)),
            "form": form,
            "adminform": AdminForm(form, [(None, {"fields": form.names_shown})], {}),  # type: ignore[arg-type]
            "errors": form.errors,
            "hidden": list(_pairs(hidden or {})),
            "back": back,
        }
        return TemplateResponse(request, getattr(admin, self.template), admin.page_context(request, **context))

    def _words(self, rows: InformationRequestQuerySet, count: int, chosen: int) -> dict[str, Any]:
        """What the page says of ``rows``, which are ``count`` of those ``chosen``."""
        return {
            "title": _counted(self.title, count),
            "facts": _facts(rows, count),
            "left_alone": _counted(self.left_alone, chosen - count) if chosen > count else "",
            "consequences": list(self._consequences(rows)),
            "held_until": _held_until(rows),
        }

    def _consequences(self, rows: InformationRequestQuerySet) -> Iterable[str]:
        for state, words in self.consequences.items():
            if count := rows.shown_as([state]).count():
                yield _counted(words, count)


class NoteForm(CountForm):
    """Why, or how one knows; and which ones the person was shown, so that nobody ends others than he saw."""

    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    field_order = ("note", "typed_count")

    def __init__(self, *args: Any, words: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["note"] = forms.CharField(
            max_length=200, widget=forms.TextInput(attrs={"class": "vTextField"}), **words
        )
        self.order_fields(self.field_order)


def _facts(rows: InformationRequestQuerySet, count: int) -> list[tuple[str, str]]:
    """Whom it is about; and what was asked and why, where that is the same for all."""
    facts: list[tuple[str, str]] = [(ngettext("Client", "Clients", count), names_html(rows, count))]
    batches = RequestBatch.objects.filter(pk__in=rows.order_by().values("batch"))[:2]
    if len(batches) == 1:
        facts += [(_("Asked for"), wording.asks_text(batches[0])), (_("Reason for asking"), batch_name(batches[0]))]
    return facts


def _counted(words: Words, count: int) -> str:
    return str(words % {"n": count, "count": dates.number_text(count)})


def _pairs(hidden: Mapping[str, str | list[str]]) -> Iterable[tuple[str, str]]:
    for name, values in hidden.items():
        for value in [values] if isinstance(values, str) else values:
            yield name, value


def _held_until(rows: InformationRequestQuerySet) -> str:
    """The last day on which iDenfy may still hold one as pending; empty if none was sent."""
    sent = rows.exclude(state=State.QUEUED).order_by("-expires_at").values_list("expires_at", flat=True)
    last = sent.first()
    return dates.day_text(last) if last else ""


_LINKS_STOP = ngettext_lazy(
    "%(count)s client has a link. It stops working here at once.",
    "%(count)s clients have a link. These stop working here at once.",
    "n",
)

WITHDRAW = Ending(
    button="_withdraw",
    template="withdraw_template",
    among=lambda rows: rows.shown_as(WITHDRAWABLE),
    end=services.withdraw,
    label=gettext_lazy("Withdraw…"),
    note={
        "label": gettext_lazy("Reason"),
        "help_text": gettext_lazy("For the record; clients do not see it."),
        "error_messages": {"required": gettext_lazy("Give a reason.")},
    },
    title=ngettext_lazy("Withdraw %(count)s request", "Withdraw %(count)s requests", "n"),
    consequences={
        State.ISSUED: _LINKS_STOP,
        State.UNKNOWN: ngettext_lazy(
            "%(count)s is uncertain: iDenfy may have a request, and nobody has its link.",
            "%(count)s are uncertain: iDenfy may have these requests, and nobody has their links.",
            "n",
        ),
        State.QUEUED: ngettext_lazy(
            "%(count)s has not been asked yet, and will not be.",
            "%(count)s have not been asked yet, and will not be.",
            "n",
        ),
    },
    left_alone=ngettext_lazy(
        "%(count)s of those you chose is left alone: it is over already, or being asked at this moment.",
        "%(count)s of those you chose are left alone: they are over already, or being asked at this moment.",
        "n",
    ),
    nothing=ngettext_lazy(
        "There is nothing to withdraw: it is over already, or being asked at this moment.",
        "There is nothing to withdraw: all of these are over already, or being asked at this moment.",
        "n",
    ),
    done=ngettext_lazy("%(count)s request was withdrawn.", "%(count)s requests were withdrawn.", "n"),
)

MARK_ANSWERED = Ending(
    button="_mark",
    template="mark_answered_template",
    among=lambda rows: rows.markable(),
    end=services.mark_answered,
    label=gettext_lazy("Mark as answered…"),
    note={
        "label": gettext_lazy("Where it was seen"),
        "help_text": gettext_lazy("For example: in iDenfy’s dashboard, on 4 March. Clients do not see it."),
        "error_messages": {"required": gettext_lazy("Say where it was seen.")},
    },
    title=ngettext_lazy("Mark %(count)s request as answered", "Mark %(count)s requests as answered", "n"),
    consequences={
        State.ISSUED: _LINKS_STOP,
        State.UNKNOWN: ngettext_lazy(
            "%(count)s is uncertain. Nobody here had its link; perhaps the client got it all the same.",
            "%(count)s are uncertain. Nobody here had their links; perhaps the clients got them all the same.",
            "n",
        ),
        State.EXPIRED: ngettext_lazy(
            "%(count)s had ended without an answer.", "%(count)s had ended without an answer.", "n"
        ),
        State.CANCELLED: ngettext_lazy("%(count)s was withdrawn.", "%(count)s were withdrawn.", "n"),
    },
    left_alone=ngettext_lazy(
        "%(count)s of those you chose is left alone: it was refused or never asked, is being asked at this moment, or "
        "is answered already.",
        "%(count)s of those you chose are left alone: they were refused or never asked, are being asked at this "
        "moment, or are answered already.",
        "n",
    ),
    nothing=ngettext_lazy(
        "There is nothing to mark: it was refused or never asked, is being asked at this moment, or is answered "
        "already.",
        "There is nothing to mark: all of these were refused or never asked, are being asked at this moment, or are "
        "answered already.",
        "n",
    ),
    done=ngettext_lazy("%(count)s request was marked as answered.", "%(count)s requests were marked as answered.", "n"),
)
