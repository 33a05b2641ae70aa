"""Do what the README says under "Install it in five steps", to the letter.

``python follow_readme.py CLONE PROJECT``: commands run as they stand, in the clone those that build and in the project
the others; Python goes into the file that the step names, where ``# ...`` stands for what is there already.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

CLONE, PROJECT = map(Path, sys.argv[1:])
STEPS = re.split(r"\n##+ ", (CLONE / "README.md").read_text().partition("## Install it in five steps")[2])[0]
STEP = re.compile(r"^(\d)\. (.*?)(?=^\d\. |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def run(commands: str, folder: Path) -> None:
    """In a shell, as somebody would who copies them."""
    print(f"  in {folder.name}:", *commands.splitlines(), sep="\n    $ ")
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, check=True)  # noqa: S603, S607


def write(code: str, path: Path) -> None:
    """Each statement of ``code`` where it belongs in a file: imports first, new ones last, lists made longer."""
    print(f"  {path.name}:", *code.splitlines(), sep="\n    ")
    lines = code.splitlines(keepends=True)
    for statement in ast.parse(code).body:
        text = "".join(lines[statement.lineno - 1 : statement.end_lineno])
        there = path.read_text()
        if isinstance(statement, ast.Import | ast.ImportFrom):
            first = re.search(r"^(?:from|import) ", there, re.MULTILINE)
            place = first.start() if first else 0
            path.write_text(there[:place] + text + there[place:])
        elif "# ...\n" in text:
            path.write_text(longer(there, text))
        else:
            path.write_text(f"{there.rstrip()}\n\n{text}")


def longer(there: str, text: str) -> str:
    """The file with the list that ``text`` writes out, longer by what comes after its ``# ...``."""
    name = text.partition(" =")[0]
    more = text.partition("# ...\n")[2].rstrip().removesuffix("]")
    begin = there.index(f"\n{name} = [")
    end = there.index("\n]", begin) + 1
    return there[:end] + more + there[end:]


done = 0
for number, step in STEP.findall(STEPS):
    print(f"Step {number}: {step.splitlines()[0]}")
    for language, block in BLOCK.findall(step):
        if language == "console":
            run(dedent(block), CLONE if "clone" in step else PROJECT)
        else:
            file = re.search(r"`(settings|urls)\.py`", step)
            write(dedent(block), PROJECT / PROJECT.name / (file[0].strip("`") if file else "nowhere.py"))
        done += 1
if done != 5:
    sys.exit(f"Five steps with a block each were expected, not {done}")
