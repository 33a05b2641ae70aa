"""``manage.py idenfy_reconcile``: compare our statuses with iDenfy's list of verifications, and repair ours.

For after an outage, or once a night. **It cannot repair an answer that was missed**: the list has statuses and nothing
else, and no call of iDenfy's gives an answer again. That has to be sent anew from iDenfy's dashboard.

A run makes at most ``--max-calls`` calls, a tenth of ``HOURLY_QUOTA`` unless it is given, and never more than is left
of the hour; a call brings about a hundred verifications. Where it ended, the next run of the same day goes on.

How it ends:

====  ==========================================================================================================
0     The list was gone along to its end, or as far as the calls allowed: the next run goes on.
1     iDenfy does not give its list: what to do is said. What was repaired until then stays, the next run goes on.
2     Usage.
====  ==========================================================================================================
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ... import services
from ...dates import number_text
from ...exceptions import IdenfyApiError
from ...models import Reconciliation
from ..advice import what_to_do
from ..terminal import Terminal


class Command(BaseCommand):
    help = (
        "Compares our statuses with iDenfy's list of verifications, and repairs ours. It cannot repair an answer that "
        "was missed: the list has none. Send that anew from iDenfy's dashboard."
    )
    epilog = "Exit status: 0 done, or as far as the calls allowed; 1 iDenfy does not give its list; 2 wrong usage."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, epilog=self.epilog, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--add", action="store_true", help="Also add what is not here: its scan reference and status, no client."
        )
        parser.add_argument(
            "--max-calls", type=_calls, metavar="N", help="Calls of this run; by default a tenth of HOURLY_QUOTA."
        )
        parser.add_argument("--quiet", action="store_true", help="Write nothing but errors.")

    def handle(self, *args: Any, **options: Any) -> None:
        terminal = Terminal(self.stdout, quiet=options["quiet"] or options["verbosity"] == 0)

        def draw(run: Reconciliation) -> None:
            if terminal.is_due() and run.total:
                terminal.draw(_("iDenfy’s list"), min(run.listed, run.total), run.total)

        try:
            run = services.reconcile(adds=options["add"], max_calls=options["max_calls"], after_page=draw)
        except ImproperlyConfigured:
            raise CommandError(_("IDENFY_KYC has no API_KEY and API_SECRET: set both.")) from None
        except IdenfyApiError as error:
            terminal.clear()
            raise CommandError(_("iDenfy: %(what)s") % {"what": what_to_do(error)}) from None
        for line in report(run):
            terminal.say(line)


def report(run: Reconciliation) -> list[str]:
    """What the walk has found until now, and what it cannot find."""
    count = {name: number_text(getattr(run, name)) for name in ("listed", "total", "changed", "added", "missing")}
    lines = [
        _("%(listed)s of %(total)s on iDenfy’s list were compared.") % count,
        ngettext("%(changed)s status was repaired.", "%(changed)s statuses were repaired.", run.changed) % count,
    ]
    if run.added:
        lines.append(ngettext("%(added)s was added.", "%(added)s were added.", run.added) % count)
    if run.missing:
        words = ngettext(
            "%(missing)s is not here: --add adds it.", "%(missing)s are not here: --add adds them.", run.missing
        )
        lines.append(words % count)
    if run.completed_at is None:
        lines.append(_("This was not all: the calls of this run or hour are used up. The next run goes on."))
    elif run.listed < run.total:
        lines.append(_("iDenfy’s list ended before its own count. Run it again later."))
    lines.append(_("Answers that were missed are not on the list: send them anew from iDenfy’s dashboard."))
    return lines


def _calls(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ArgumentTypeError(_("1 or more"))
    return int(text)
