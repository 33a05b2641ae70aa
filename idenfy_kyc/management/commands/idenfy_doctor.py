"""``manage.py idenfy_doctor``: whether this project can ask, each line *ok* or what to do.

It looks at settings, database, migrations, threads, the address of clients' links, iDenfy and the key, the last sending
and what waits, the deliveries from iDenfy, the stored links, and the function behind ``CLIENTS``. It changes nothing
and asks nobody.

``--webhook URL`` also sends a signed delivery to the project's own address, as iDenfy would, and looks whether it has
come in. Its event is none of iDenfy's, so it does nothing; it is kept as one row, however often it is sent.

How it ends:

====  ==============================================================
0     All is well.
1     There is something to do: the lines without *ok* say what.
====  ==============================================================
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from ..examination import EXAMINATIONS, Finding, examine
from ..terminal import Terminal


class Command(BaseCommand):
    help = "Says whether this project can ask iDenfy: each line is ok, or what to do. Changes nothing, asks nobody."
    requires_system_checks = ()  # the doctor runs them, and goes on

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--offline", action="store_true", help="Make no call to iDenfy.")
        parser.add_argument(
            "--webhook",
            metavar="URL",
            default="",
            help="Also send a signed delivery to this address, the project's own webhook. It does nothing there.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        terminal = Terminal(self.stdout, quiet=False)
        all_is_well = True
        for finding in examine(offline=options["offline"], webhook=options["webhook"]):
            terminal.say(line(finding))
            all_is_well &= finding.is_ok
        if not all_is_well:
            sys.exit(1)


def line(finding: Finding) -> str:
    """“Database          ok: PostgreSQL”, or what to do in the place of *ok*."""
    width = max(len(str(label)) for label, _look in EXAMINATIONS)
    said = finding.text
    if finding.is_ok:
        said = _("ok: %(known)s") % {"known": finding.text} if finding.text else _("ok")
    return f"{finding.about:<{width}}  {said}"
