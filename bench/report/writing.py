"""Writes the report: the page values of an analysis in all their forms."""

from pathlib import Path

from bench.analysis import Analysis
from bench.report import html, junit, markdown, page
from bench.report import json as json_form

FORMS = {"index.html": html.render, "report.md": markdown.render, "report.json": json_form.render,
         "junit.xml": junit.render}  # fmt: skip


def write(analysis: Analysis, blobs: page.Blobs, folder: Path) -> page.Page:
    """Writes the report's forms into a folder; the same records give the same bytes."""
    values = page.build(analysis, blobs)
    folder.mkdir(parents=True, exist_ok=True)
    for name, render in FORMS.items():
        temporary = folder / f".{name}.part"
        temporary.write_text(render(values), encoding="utf-8")
        temporary.replace(folder / name)
    return values
