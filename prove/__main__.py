"""``make prove``: everything breaks, and what must hold is counted. Fails if a bound does not hold."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import django

from idenfy_kyc.testing import FakeIdenfy

from .schedule import Phase, schedule

REQUESTS = 2000


def main() -> int:
    """Play, collect, compare, print; the exit status."""
    options = _parser().parse_args()
    control = os.environ.get("DATABASE_CONTROL", "")
    if not control:
        print("Run it by make prove: it starts a PostgreSQL that it may break.", file=sys.stderr)
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = "prove.settings"
    phases = schedule(options.seed, options.requests)
    with tempfile.TemporaryDirectory(prefix="idenfy-kyc-prove-") as folder:
        return _prove(options.seed, phases, Path(folder), control, keeps=options.requests == REQUESTS)


def _prove(seed: int, phases: tuple[Phase, ...], folder: Path, control: str, *, keeps: bool) -> int:
    from . import table
    from .evidence import Evidence
    from .world import World

    begun = time.monotonic()
    with World(folder, control) as world, FakeIdenfy(world.fake_path) as fake:
        django.setup()
        from . import witness
        from .play import Play

        seen = Evidence(limits=witness.limits())
        _fill(seed, phases)
        play = Play(world, fake, world.start_web(), seen, lambda text: _say(begun, text))
        batches = [play.phase(phase) for phase in phases]
        for number, batch in enumerate(batches):
            play.ask_again(number, batch)
        seen.rows.extend(witness.rows())
        seen.posts.extend(fake.posts())
    text, broken = table.table(seed, seen), table.broken(phases, seen)
    _say(begun, f"done\n\n{text}")
    if broken:
        print(*broken, "", "A bound does not hold.", sep="\n", file=sys.stderr)
        return 1
    if keeps:
        table.write_down(text)
    return 0


def _fill(seed: int, phases: tuple[Phase, ...]) -> None:
    """The tables, the officers, and the clients of each phase."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    from idenfy_kyc import services

    from .officers import PASSWORD
    from .play import OFFICERS, officer_name

    call_command("migrate", verbosity=0, interactive=False)
    known = {"password": make_password(PASSWORD), "is_staff": True, "is_superuser": True}
    User.objects.bulk_create(User(username=officer_name(number), **known) for number in range(OFFICERS))
    services.record_verifications(_clients(Random(seed), phases))
    connections.close_all()


def _clients(chance: Random, phases: tuple[Phase, ...]) -> Iterator[dict[str, Any]]:
    for phase in phases:
        for number in range(phase.clients):
            scan_ref = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            yield {"scan_ref": scan_ref, "client_id": f"{phase.name}-{number}", "status": "APPROVED"}


def _say(begun: float, text: str) -> None:
    print(f"{time.monotonic() - begun:5.0f} s  {text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m prove", description="Break everything, and compare.")
    parser.add_argument("--seed", type=int, default=1, help="decides what goes wrong and when (1)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"how many; the table is kept for {REQUESTS}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
