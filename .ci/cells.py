"""What ``.ci/matrix.toml`` and ``setup.cfg`` say, for ``.ci/matrix``: a cell a line, ``3.12 6.0 postgresql``.

``cells.py all`` prints every cell, ``cells.py cut`` those of ``.ci/run``; ``cells.py lowest`` the oldest requirements.
"""

from __future__ import annotations

import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def matrix() -> dict[str, Any]:
    return tomllib.loads((HERE / "matrix.toml").read_text())


def every_cell() -> list[str]:
    """Whatever is promised, and the oldest and the newest of it, on each database."""
    declared = matrix()
    pythons = {python: None for allowed in declared["django"].values() for python in allowed}
    oldest, *_, newest = sorted(pythons, key=lambda python: int(python.partition(".")[2]))
    pairs = [(python, django) for django, allowed in declared["django"].items() for python in allowed]
    pairs += [(oldest, "lowest"), (newest, "newest")]
    return [f"{python} {django} {database}" for python, django in pairs for database in declared["databases"]]


def lowest() -> list[str]:
    """The requirements of setup.cfg, each at its lower bound: ``django>=5.2`` is ``django==5.2``."""
    metadata = ConfigParser()
    metadata.read(HERE.parent / "setup.cfg")
    required = metadata["options"]["install_requires"].split()
    return [requirement.partition(",")[0].replace(">=", "==") for requirement in required]


if __name__ == "__main__":
    print(*{"all": every_cell, "cut": lambda: matrix()["cut"], "lowest": lowest}[sys.argv[1]](), sep="\n")
