"""Takes the pictures of docs/pictures/ (scripts/picture): each page of the report of a committed example."""

import sys
import tempfile
from pathlib import Path

from bench.report import html
from tests.browser import sites
from tests.browser.chromium import PHONE, opened, started
from tests.engines import ROOT

SIZE = (1280, 960)
EXAMPLE = "matrix"
#: Picture -> the example that it is of and the page; of the others it is the example `matrix` and the page's own name.
OTHERS = {
    "machines": ("machines", "machines.html"),
    "machine": ("machines", "machines/lab_as_haswell-caps.html"),
    "controls": ("controls", "controls.html"),
    "variance": ("tutorial-tensorflow", "variance.html"),
    "cell": (EXAMPLE, "cells/mlp_tf1-cpu_full_native_default.html"),
}
FIRST = "index"


def take(folder: Path) -> list[Path]:
    """Writes PAGE.png of every page, and of the first one PAGE-phone.png too; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name.removesuffix(".html"): (EXAMPLE, name) for name, _ in html.PAGES} | OTHERS
    taken = []
    with tempfile.TemporaryDirectory() as name, started() as browser:
        made = {one: sites.built(one, Path(name) / one) for one in dict.fromkeys(one for one, _ in wanted.values())}
        for picture, (one, path) in wanted.items():
            sizes = {picture: SIZE, **({f"{picture}-phone": PHONE} if picture == FIRST else {})}
            for file, size in sizes.items():
                with opened(browser, made[one].folder / path, size=size, color_scheme="light") as page:
                    page.screenshot(path=folder / f"{file}.png")
                taken.append(folder / f"{file}.png")
    return taken


if __name__ == "__main__":
    for path in take(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "pictures"):
        print(path)
