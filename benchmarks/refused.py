#!/usr/bin/env python3
"""Gives `bench collect` each bundle that must not get in, and shows what it does with it; a Markdown table.

It has to end with exit code 3 and the reason, without a traceback, take the rest, and write nothing outside the store;
this command ends with 1 where it does not. The bundles are those of tests/forged.py, made by a careful forger: every
digest and size is right, and one thing is wrong.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.forged import FORGED, Forged, collected, outside  # noqa: E402
from tests.forgery import good  # noqa: E402


def collect(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", "collect", name, "--store", str(folder / "store")]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def row(name: str, one: Forged, folder: Path) -> tuple[str, bool]:
    """A line of the table, and whether everything was as it must be; a good bundle afterwards is taken whole."""
    one.write(good(folder), folder / "bad.zip")
    before = outside(folder)
    done = collect(folder, "bad.zip")
    taken, elsewhere = collected(folder / "store"), outside(folder) - before
    said = one.wanted if one.wanted in done.stdout and not done.stderr else f"{done.stdout} {done.stderr}"
    after = collect(folder, "good.zip").returncode, collected(folder / "store")
    right = (done.returncode, said, taken, elsewhere, after) == (3, one.wanted, one.taken, set(), (0, (3, 2)))
    cells = name, str(done.returncode), said, "{} and {}".format(*taken), ", ".join(sorted(elsewhere)) or "nothing"
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |", right


def main() -> int:
    print("| bundle | exit code | reason, in part | taken of 3 records and 2 observations | written elsewhere |")
    print("| --- | ---: | --- | --- | --- |")
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, one) in enumerate(FORGED.items()):
            own = Path(folder) / str(number) / "work"
            own.mkdir(parents=True)
            line, as_it_must = row(name, one, own)
            print(line, flush=True)
            wrong += [] if as_it_must else [name]
    right = len(FORGED) - len(wrong)
    print(f"\n{len(FORGED)} bundles, {right} refused as they must be; a good one after each is taken whole.")
    if wrong:
        print("not so: " + ", ".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
