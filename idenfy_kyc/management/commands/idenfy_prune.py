"""``manage.py idenfy_prune``: forget what need not be kept any longer, or all personal data of one client.

Without an option it takes what is older than the settings say: bodies of deliveries (``WEBHOOK_RETENTION_DAYS``),
clients' answers (``ANSWER_RETENTION_DAYS``), plans that nobody confirmed (``PLAN_RETENTION_DAYS``). Run it daily.
Nothing of the record goes.

``--client-id`` erases the personal data of one client, as the page *Erase personal data…* does. It asks first, unless
``--no-input`` is given. Exit status: 0 done, 1 nothing of this client is here or he is being asked at this moment.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ... import services
from ...exceptions import BeingAsked
from ...models import Verification


class Command(BaseCommand):
    help = (
        "Forgets what is older than the settings keep it: bodies of deliveries, clients' answers, plans that nobody "
        "confirmed. Run it daily. With --client-id it erases the personal data of one client instead."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--client-id", metavar="ID", help="Erase all personal data of this client.")
        parser.add_argument(
            "--no-input", action="store_false", dest="interactive", help="Do not ask before a client is erased."
        )
        parser.add_argument("--quiet", action="store_true", help="Write nothing but errors.")

    def handle(self, *args: Any, **options: Any) -> None:
        is_quiet = options["quiet"] or options["verbosity"] == 0
        client_id = options["client_id"]
        lines = _pruned() if client_id is None else self._erased(client_id, ask_first=options["interactive"])
        if not is_quiet:
            for line in lines:
                self.stdout.write(line)

    def _erased(self, client_id: str, *, ask_first: bool) -> list[str]:
        found = list(Verification.objects.of_exactly([client_id]))
        if not found:
            raise CommandError(_("Nothing of this client is here, or it was erased before."))
        if ask_first:
            self.stdout.write(_count_text(len(found)))
            if input(_("This cannot be undone. Type yes to erase: ")) != "yes":
                raise CommandError(_("Nothing was erased."))
        try:
            erased = services.erase(found, by=None)
        except BeingAsked:
            raise CommandError(_("The client is being asked at this moment. Try again in a minute.")) from None
        return [
            ngettext("%(count)s verification was erased.", "%(count)s verifications were erased.", erased)
            % {"count": erased}
        ]


def _count_text(count: int) -> str:
    text = ngettext(
        "%(count)s verification of this client is here, with its answers and deliveries.",
        "%(count)s verifications of this client are here, with their answers and deliveries.",
        count,
    )
    return text % {"count": count}


def _pruned() -> list[str]:
    pruned = services.prune()
    return [
        ngettext("%(count)s delivery lost its body.", "%(count)s deliveries lost their bodies.", pruned.bodies)
        % {"count": pruned.bodies},
        ngettext("%(count)s answer was forgotten.", "%(count)s answers were forgotten.", pruned.answers)
        % {"count": pruned.answers},
        ngettext("%(count)s plan was discarded.", "%(count)s plans were discarded.", pruned.plans)
        % {"count": pruned.plans},
    ]
