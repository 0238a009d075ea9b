"""The sites that the browser opens: what `bench report` writes of the committed examples and of hostile records."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.browser import hostile
from tests.engines import ROOT

EXAMPLES = ("matrix", "machines")
HOSTILE = "hostile"
NAMES = (*EXAMPLES, HOSTILE)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A folder of pages that link each other."""

    name: str
    folder: Path

    @property
    def pages(self) -> tuple[Path, ...]:
        """Every page, the first one first."""
        found = sorted(self.folder.rglob("*.html"), key=lambda path: (path.name != "index.html", path))
        assert found, f"no page in {self.folder}"
        assert found[0].name == "index.html"
        return tuple(found)

    @property
    def kinds(self) -> tuple[Path, ...]:
        """Every page that is one of its kind, and of the many of a kind (cells, machines) the shortest and longest."""
        many: dict[Path, list[Path]] = {}
        for path in self.pages:
            many.setdefault(path.parent, []).append(path)
        found = many.pop(self.folder)
        for paths in many.values():
            ordered = sorted(paths, key=lambda path: (path.stat().st_size, path))
            found += dict.fromkeys([ordered[0], ordered[-1]])
        return tuple(found)


def bench(folder: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
    """A command as a process of its own, as people run it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "bench", *arguments], cwd=folder, env=environment,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode in codes, done.stdout + done.stderr


def built(name: str, folder: Path) -> Site:
    """The site of this name, written into a folder that holds its store too."""
    folder.mkdir(exist_ok=True)
    if name == HOSTILE:
        hostile.plant(folder / "store")
    else:
        bench(folder, "collect", str(ROOT / "docs" / "examples" / f"{name}.zip"), "--store", "store")
    # What the records say of the expectations is another test's matter.
    bench(folder, "report", "--store", "store", "-o", "site", codes=(0, 1, 3) if name == HOSTILE else (0, 1))
    return Site(name=name, folder=folder / "site")
