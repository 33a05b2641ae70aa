"""“Ask from a list…”: look up what Risk has sent, add what is not here yet, and plan a request for those who are.

Nothing is kept between these steps. The page carries the list along, as it was read, and each step reads it again: so
there is nothing to trust in what comes back, and nothing to tidy up.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.csrf import csrf_protect

from .. import services
from ..conf import get_settings
from ..dates import number_text
from ..exceptions import TooMany

if TYPE_CHECKING:
    from .verifications import VerificationAdmin

PROBLEMS_SHOWN = 20


class ListForm(forms.Form):
    """A list, pasted or in a file; read by ``clean``. ``trouble`` is why it did not even arrive."""

    text = forms.Field(  # no CharField: what it refuses, it does not say what to do about
        label=gettext_lazy("Client IDs or scan references"),
        required=False,
        widget=AdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "One a line, or columns copied from a spreadsheet. If there are several columns, the first line must name "
            "them: client_id, scan_ref, name, status. Others are left aside."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/plain,text/csv"}),
        help_text=gettext_lazy("CSV, as Excel and LibreOffice save it; best as “CSV UTF-8”. Not a workbook (.xlsx)."),
    )

    def __init__(self, *args: Any, trouble: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trouble = trouble
        self.use_required_attribute = False

    @property
    def clients(self) -> services.ClientList:
        """The list, of a form that is valid."""
        listed: services.ClientList = self.cleaned_data["clients"]
        return listed

    def clean(self) -> dict[str, Any]:
        text, file = self.cleaned_data.get("text") or "", self.cleaned_data.get("file")
        most = get_settings().MAX_BATCH_SIZE
        try:
            if self.trouble:
                raise ValidationError(self.trouble)
            if file and text.strip():
                raise ValidationError(_("You pasted a list and chose a file. Take one of the two."))
            if not file and not text.strip():
                raise ValidationError(_("Paste client IDs or scan references, or choose a file."))
            read = services.list_from_file(file, most=most) if file else services.list_from_text(text, most=most)
            self.cleaned_data["clients"] = read
        except ValidationError as error:
            name = "file" if file and not text.strip() else "text"
            self.add_error(name, error)
            self.fields[name].widget.attrs["autofocus"] = True
        return self.cleaned_data

    def as_admin(self) -> AdminForm:
        """The form as the admin's own fieldset template draws it."""
        return AdminForm(self, [(None, {"fields": ["text", "file"]})], {})  # type: ignore[arg-type]


def view(model_admin: VerificationAdmin, request: HttpRequest) -> HttpResponse:
    """The page: GET draws the form; POST looks, and with ``_plan`` or ``_add`` also acts.

    Django refuses a form above ``DATA_UPLOAD_MAX_MEMORY_SIZE`` when the CSRF token is looked for, with a page that says
    nothing. So the view is exempt from CSRF protection until it knows that the form can be read, and protected from
    there on.
    """
    if not model_admin.has_request_information_permission(request):
        raise PermissionDenied
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    try:
        with suppress(UnreadablePostError):  # whoever broke off gets what the protection says to it
            request.POST  # noqa: B018 (reads it)
    except RequestDataTooBig:
        return _page(model_admin, request, ListForm({}, trouble=_too_large()))

    def read(request: HttpRequest) -> HttpResponse:
        form = ListForm(request.POST, request.FILES) if request.method == "POST" else ListForm()
        return _answer(model_admin, request, form) if form.is_valid() else _page(model_admin, request, form)

    return csrf_protect(read)(request)


def _answer(model_admin: VerificationAdmin, request: HttpRequest, form: ListForm) -> HttpResponse:
    may_add = model_admin.has_add_permission(request)
    if "_add" in request.POST and not may_add:
        raise PermissionDenied
    try:
        found = services.find_listed(form.clients, model_admin.get_queryset(request))
        new = services.addable(found) if may_add else services.Addable([], [])
        if "_add" in request.POST and new.lines:
            _add(request, new)
            found = services.find_listed(form.clients, model_admin.get_queryset(request))
            new = services.addable(found)
    except TooMany as error:
        form.add_error("text", _too_many(error.limit))
        return _page(model_admin, request, form)
    if "_plan" in request.POST and found.verifications:
        answer = model_admin.go_to_plan(request, found.verifications, _selection(found))
        if answer is not None:
            return answer
    # What was pasted stays, to be mended. What was in a file does not: beside the next file it would be one too many.
    pasted = "" if {"_add", "_plan"} & request.POST.keys() else form.cleaned_data["text"]
    return _page(model_admin, request, ListForm(initial={"text": pasted}), **_result(form.clients, found, new))


def _add(request: HttpRequest, new: services.Addable) -> None:
    added = services.add_verifications(new.rows())
    LogEntry.objects.log_actions(request.user.pk, added, ADDITION, [{"added": {}}])  # type: ignore[arg-type]
    words = ngettext("%(count)s verification was added.", "%(count)s verifications were added.", len(added))
    messages.success(request, words % {"count": number_text(len(added))})


def _page(model_admin: VerificationAdmin, request: HttpRequest, form: ListForm, **result: Any) -> HttpResponse:
    context = model_admin.page_context(
        request,
        title=_("Ask clients from a list"),
        crumb=_("Ask from a list…"),
        form=form,
        adminform=form.as_admin(),
        errors=form.errors,
        back_url=model_admin.url_of("changelist"),
        may_add=model_admin.has_add_permission(request),
        **result,
    )
    context["media"] += forms.Media(js=[Script("idenfy_kyc/copy.js", defer=True)])  # type: ignore[list-item]
    return TemplateResponse(request, model_admin.from_list_template, context)


def _result(clients: services.ClientList, found: services.Found, new: services.Addable) -> dict[str, Any]:
    """What a list led to, as the page says it."""
    problems = {missing.line.number: missing for missing in [*found.missing, *new.problems] if missing.problem}
    return {
        "found": found,
        "counts": _("%(lines)s: %(counts)s.") % {"lines": _lines(found.lines), "counts": _counts(found)},
        "carried": clients.as_text(),
        "aside": _aside(clients) if clients.aside else "",
        "one_by_one": clients.one_by_one,
        "plan_button": _plan_button(found.clients),
        "missing_heading": _not_found(len(found.missing)),
        "missing_list": "\n".join(dict.fromkeys(missing.line.identifier for missing in found.missing)).strip(),
        "missing_rows": min(len(found.missing), 8) + 1,
        "problems": [_problem(problems[number]) for number in sorted(problems)[:PROBLEMS_SHOWN]],
        "more_problems": _more_problems(len(problems) - PROBLEMS_SHOWN) if len(problems) > PROBLEMS_SHOWN else "",
        "must_be_mended": bool(new.problems),
        "offer": _offer(len(new.lines), len(found.missing)) if new.lines else "",
        "add_button": _add_button(len(new.lines)),
    }


def _selection(found: services.Found) -> str:
    """How the clients were chosen, for the record: “From a list: 800 lines, 777 clients found, 23 not found”."""
    return _("From a list: %(lines)s, %(counts)s") % {"lines": _lines(found.lines), "counts": _counts(found)}


def _counts(found: services.Found) -> str:
    clients = ngettext("%(count)s client found", "%(count)s clients found", found.clients)
    counts = [clients % {"count": number_text(found.clients)}]
    if found.double:
        double = ngettext("%(count)s double", "%(count)s double", found.double)
        counts.append(double % {"count": number_text(found.double)})
    if found.missing:
        counts.append(_not_found(len(found.missing)))
    return ", ".join(counts)


def _aside(clients: services.ClientList) -> str:
    """How much of the list was not read, and why; what one can do about it stands beside it."""
    words = ngettext(
        "%(count)s entry was left aside: no line names its column.",
        "%(count)s entries were left aside: no line names their columns.",
        clients.aside,
    )
    return words % {"count": number_text(clients.aside)}


def _lines(count: int) -> str:
    return ngettext("%(count)s line", "%(count)s lines", count) % {"count": number_text(count)}


def _not_found(count: int) -> str:
    return ngettext("%(count)s not found", "%(count)s not found", count) % {"count": number_text(count)}


def _plan_button(clients: int) -> str:
    words = ngettext("Plan a request for %(count)s client", "Plan a request for %(count)s clients", clients)
    return words % {"count": number_text(clients)}


def _offer(new: int, missing: int) -> str:
    """“12 of these 14 look like verifications that are not here yet.”"""
    words = ngettext(
        "%(new)s of these %(missing)s looks like a verification that is not here yet.",
        "%(new)s of these %(missing)s look like verifications that are not here yet.",
        new,
    )
    return words % {"new": number_text(new), "missing": number_text(missing)}


def _add_button(new: int) -> str:
    words = ngettext("Add %(count)s verification", "Add %(count)s verifications", new)
    return words % {"count": number_text(new)}


def _problem(missing: services.Missing) -> str:
    return _("Line %(number)s: %(problem)s") % {"number": number_text(missing.line.number), "problem": missing.problem}


def _more_problems(count: int) -> str:
    words = ngettext("And %(count)s more line.", "And %(count)s more lines.", count)
    return words % {"count": number_text(count)}


def _too_many(limit: int) -> str:
    words = ngettext(
        "These clients have more than %(limit)s verification, and no more can be asked at once. Divide the list.",
        "These clients have more than %(limit)s verifications, and no more can be asked at once. Divide the list.",
        limit,
    )
    return words % {"limit": number_text(limit)}


def _too_large() -> str:
    return _(
        "The list is too large to be pasted. Choose it as a file, keep only the column with the IDs, or divide it."
    )
