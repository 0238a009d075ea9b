"""The page values as a static site that opens from disk: every page has its data inside, and all share one script."""

import importlib.resources
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench.comparability import VARIES
from bench.comparison import VERDICTS
from bench.judgement import NOT_JUDGED
from bench.report import markdown, overview, plots
from bench.report.cells import CellView
from bench.report.page import Page

if TYPE_CHECKING:
    from jinja2 import Environment

#: Pages that every site has, in the order of its navigation: file, title.
PAGES = (
    ("index.html", "Overview"),
    ("backends.html", "Backends"),
    ("machines.html", "Machines"),
    ("pair.html", "Pair"),
    ("published.html", "Published"),
    ("variance.html", "Variance"),
    ("controls.html", "Controls"),
    ("method.html", "Method"),
)
#: By which a page of an earlier report is known.
GENERATOR = "keras-repro-bench"
#: So many sentences are shown at once; the rest is folded.
FEW = 7
#: A verdict of the matrix in one letter, since there may be a million of them.
LETTERS = {"": ".", "one run": "1", "IDENTICAL": "I", "ROUNDING": "R", "DIFFERENT": "D", "INCOMPARABLE": "N",
           "ERROR": "E"}  # fmt: skip


def site(page: Page) -> Iterator[tuple[str, str]]:
    """(path, content) of every file; each text of a record is escaped by the templates."""
    environment = _environment()
    data = {"index.html": _matrix(page), "pair.html": _pairs(page)}
    for name, title in PAGES:
        figures = {"growth": plots.pairs_growth(page)} if name == "backends.html" else {}
        yield name, _page(environment, name, page=page, title=title, data=data.get(name), figures=figures)
    yield from _cells(environment, page)
    yield from _machines(environment, page)
    yield "assets/report.css", _asset("report.css")
    yield "assets/report.js", _asset("report.js")
    yield "assets/plotly.min.js", _plotly()


def _cells(environment: "Environment", page: Page) -> Iterator[tuple[str, str]]:
    """A page a cell, with all its seeds and machines."""
    found: dict[str, list[CellView]] = {}
    for cell in page.cells:
        found.setdefault(cell.cell, []).append(cell)
    for row in page.overview:
        if row.href:
            cells = found[row.cell]
            figures = {"strip": plots.strip(cells), "growth": plots.cell_growth(cells)}
            values = {"title": row.cell, "cells": cells, "figures": figures, "root": "../", "name": row.href}
            yield row.href, _page(environment, "cell.html", page=page, **values)


def _machines(environment: "Environment", page: Page) -> Iterator[tuple[str, str]]:
    """A page a machine, with links to its cells."""
    hrefs = {row.cell: row.href for row in page.overview}
    found: dict[str, list[tuple[str, str]]] = {}
    for cell in page.cells:
        found.setdefault(cell.machine, []).append((f"{hrefs[cell.cell]}#{cell.anchor}", cell.cell))
    for machine in page.machine_views:
        values = {"title": machine.name, "machine": machine, "cells": found.get(machine.name, ()), "root": "../"}
        yield machine.href, _page(environment, "machine.html", page=page, name=machine.href, **values)


def _page(environment: "Environment", template: str, /, **values: Any) -> str:
    values.setdefault("root", "")
    values.setdefault("name", template)
    figures = {name: _embedded(figure) for name, figure in values.pop("figures", {}).items() if figure}
    data = _embedded(values.pop("data", None) or {})
    links = {one.name: one.href for one in values["page"].machine_views}
    return environment.get_template(template).render(
        **values,
        data=data,
        figures=figures,
        links=links,
        few=FEW,
        not_judged=NOT_JUDGED,
        pages=PAGES,
        generator=GENERATOR,
    )


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    def prose(text: str) -> Markup:
        """Escaped text whose `words in backticks` are code."""
        return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped just here)

    environment = Environment(
        loader=PackageLoader("bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose, "printed": lambda value: f"{value:.12g}", "published": markdown.published}
    return environment


def _matrix(page: Page) -> dict[str, Any]:
    """The verdict matrix: a row a cell, for each scope a string with a letter for each machine."""
    return {
        "machines": [{"name": one.name, "href": one.href} for one in page.machine_views],
        "scopes": overview.SCOPES,
        "letters": {letter: verdict for verdict, letter in LETTERS.items()},
        "order": [LETTERS[word] for word in (*VERDICTS, "one run")],
        "rows": [
            [row.cell, row.href, row.runs, ["".join(LETTERS[one] for one in places) for places in row.verdicts]]
            for row in page.overview
        ],
    }


def _pairs(page: Page) -> dict[str, Any]:
    """What any two records can be held against each other by."""
    found = page.traces
    return {
        "varies": {scope: sorted(keys) for scope, keys in VARIES.items()},
        "records": [
            [one.record, f"{one.cell} run {one.index} on {one.machine}", one.keys, one.environment, one.trace]
            for one in found.records
        ],
        "keys": found.keys,
        "environments": found.environments,
        "layouts": found.layouts,
        "traces": found.traces,
        "measured": [
            [*one.records, f"{one.verdict}; weights {one.weights_ulp or '-'} ULP, scores {one.digits or '-'} digits"]
            for one in page.pairs
        ],
    }


def _embedded(value: Any) -> str:
    """JSON that cannot end a script element."""
    text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (importlib.resources.files("bench.report") / "assets" / name).read_text(encoding="utf-8")


def _plotly() -> str:
    """The plotting library's own bundle, from its package."""
    source = importlib.resources.files("plotly") / "package_data" / "plotly.min.js"
    return source.read_text(encoding="utf-8")
