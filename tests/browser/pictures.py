"""Takes the pictures of docs/pictures/ (scripts/picture): each page of the report of a committed example."""

import sys
import tempfile
from pathlib import Path

from tests.browser import sites
from tests.browser.chromium import PHONE, opened, started
from tests.engines import ROOT

SIZE = (1280, 960)
EXAMPLE = "matrix"
#: Pages of which another example has more to show: the beginning of their name -> the example.
OTHERS = {"machine": "machines", "control": "controls"}
FIRST = "index"


def example(page: str) -> str:
    """The example that a page is photographed of."""
    return next((name for beginning, name in OTHERS.items() if page.startswith(beginning)), EXAMPLE)


def take(folder: Path) -> list[Path]:
    """Writes PAGE.png of every page, and of the first one PAGE-phone.png too; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with tempfile.TemporaryDirectory() as name, started() as browser:
        for one in (EXAMPLE, *OTHERS.values()):
            work = Path(name) / one
            work.mkdir()
            for path in sites.built(one, work).pages:
                if example(path.stem) != one:
                    continue
                sizes = {path.stem: SIZE, **({f"{path.stem}-phone": PHONE} if path.stem == FIRST else {})}
                for picture, size in sizes.items():
                    with opened(browser, path, size=size, color_scheme="light") as page:
                        page.screenshot(path=folder / f"{picture}.png")
                    taken.append(folder / f"{picture}.png")
    return taken


if __name__ == "__main__":
    for path in take(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "pictures"):
        print(path)
