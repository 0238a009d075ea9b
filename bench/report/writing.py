"""Writes the report: the page values in all their forms, into one folder."""

from collections.abc import Callable, Iterable
from pathlib import Path

from bench.analysis import Analysis
from bench.report import html, junit, markdown, page
from bench.report import json as json_form
from bench.report.environment import Blobs
from bench.report.page import Page

FORMS: dict[str, Callable[[Page], str]] = {
    "report.md": markdown.render,
    "report.json": json_form.render,
    "junit.xml": junit.render,
}


def write(analysis: Analysis, blobs: Blobs, folder: Path) -> Page:
    """Writes the report of an analysis; the same records give the same bytes."""
    values = page.build(analysis, blobs)
    write_page(values, folder)
    return values


def write_page(values: Page, folder: Path) -> None:
    """Writes page values in all forms. Pages of an earlier report that this one does not have are removed."""
    written = set()
    for name, content in _files(values):
        _write(folder / name, content)
        written.add(name)
    for part in ("cells", "machines"):
        for path in (folder / part).glob("*.html"):
            if f"{part}/{path.name}" not in written and _ours(path):
                path.unlink()


def _files(values: Page) -> Iterable[tuple[str, str]]:
    yield from html.site(values)
    for name, render in FORMS.items():
        yield name, render(values)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.part"
    temporary.write_text(content, encoding="utf-8")
    temporary.replace(path)


def _ours(path: Path) -> bool:
    """Whether a page says that a report wrote it: nobody else's file is removed."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        return f'content="{html.GENERATOR}"' in stream.read(1000)
