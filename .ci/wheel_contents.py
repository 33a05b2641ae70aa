"""Everything of the package that a project needs at run time is inside the wheel, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "idenfy_kyc"
AT_LEAST = {"py.typed", ".html", ".css", ".js"}

wheel = Path(sys.argv[1])
inside = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
of_ours = {
    path.relative_to(ROOT).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(ROOT).parts)
}
uncompiled = {po for po in of_ours if po.endswith(".po") and f"{po[:-3]}.mo" not in of_ours}

faults = [
    *(f"not in the wheel: {name}" for name in sorted(of_ours - inside)),
    *(f"in the wheel for no reason: {name}" for name in sorted(inside - of_ours)),
    *(f"no file like this in the wheel: {end}" for end in sorted(AT_LEAST) if not any(n.endswith(end) for n in inside)),
    *(f"not compiled: {name}" for name in sorted(uncompiled)),
]
if faults:
    sys.exit("\n".join(faults))
print(f"{wheel.name}: {len(inside)} files, all of the package and nothing else")
