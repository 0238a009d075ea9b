"""The benchmark and the pictures, which use the browser too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import pictures
from tests.engines import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

#: How a PNG file begins; its width and height follow (W3C PNG specification, sections 5.2 and 11.2.1).
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def run(*command: str | Path) -> str:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_benchmark_measures_every_page(browser: Browser, tmp_path: Path) -> None:
    """A line for each page of a small site; how long a large one takes is in docs/performance.md."""
    said = run("benchmarks/site.py", "--cells", "20", "--machines", "3", "--rounds", "1", "--keep", tmp_path / "kept")
    assert "20 cells, 3 machines" in said
    pages = [path.name for path in (tmp_path / "kept" / "site").glob("*.html")]
    assert "index.html" in pages
    assert all(f"\n| {page} | " in said for page in pages)


def test_the_pictures_of_the_docs_are_of_every_page_in_their_size(browser: Browser, tmp_path: Path) -> None:
    """As scripts/picture makes them, of the first page one in a phone's size too."""
    taken = {path.name: path.read_bytes() for path in map(Path, run("-m", "tests.browser.pictures", tmp_path).split())}
    assert all(content.startswith(PNG) for content in taken.values())
    sizes = {name: tuple(int.from_bytes(content[at : at + 4]) for at in (16, 20)) for name, content in taken.items()}
    assert sizes.pop("index-phone.png") == (390, 844)
    assert sizes["index.png"] == pictures.SIZE
    assert set(sizes.values()) == {pictures.SIZE}


def test_the_docs_show_pictures_that_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/pictures/index.png" in text
    assert (ROOT / "docs" / "pictures" / "index.png").is_file()
