"""The page values as one self-contained HTML page that opens offline."""

import importlib.resources
import json
import re
from collections.abc import Sequence
from typing import Any

from bench.report import markdown
from bench.report.page import Page, PairView

#: Where a distance of 0 ULP is drawn on the logarithmic axis.
ZERO = 0.5


def render(page: Page) -> str:
    """HTML with the plotting library, data and styles inside; every text of a record is escaped by the template."""
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
    grown = [pair for pair in page.pairs if pair.growth]
    figure = _embedded(growth_figure(page)) if grown else None
    library = _plotly() if grown else ""
    return environment.get_template("index.html").render(page=page, figure=figure, library=Markup(library))  # noqa: S704


def growth_figure(page: Page) -> dict[str, Any]:
    """ULP over epochs of every pair of backends, for the plotting library; epoch 0 is the start. Of several lanes one
    is shown, and a menu chooses it."""
    grown = [pair for pair in page.pairs if pair.growth]
    lanes = list(dict.fromkeys(pair.lane for pair in grown))
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "visible": pair.lane == lanes[0],
            "name": f"{pair.left} ~ {pair.right}",
            "x": list(range(len(pair.growth))),
            "y": [None if value is None else max(value, ZERO) for value in pair.growth],
            "text": ["" if value is None else str(value) for value in pair.growth],
            "hovertemplate": "epoch %{x}: %{text} ULP",
        }
        for pair in grown
    ]
    largest = max((value for pair in grown for value in pair.growth if value), default=1)
    ticks = [10**power for power in range(len(str(largest)) + 1)]
    layout = {
        "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"},
        "yaxis": {
            "title": {"text": "largest distance of any weight (ULP)"},
            "type": "log",
            "tickvals": [ZERO, *ticks],
            "ticktext": ["0", *(f"{tick:,}" for tick in ticks)],
        },
        "margin": {"l": 80, "r": 20, "t": 60, "b": 60},
        "height": 460,
        "legend": {"orientation": "h", "y": -0.2},
        "updatemenus": [_menu(lanes, grown)] if len(lanes) > 1 else [],
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
    return {"data": traces, "layout": layout}


def _menu(lanes: Sequence[str], grown: Sequence[PairView]) -> dict[str, Any]:
    """The choice of a lane: each entry shows the lines of one and hides the others."""
    buttons = [
        {"method": "restyle", "label": lane, "args": ["visible", [pair.lane == lane for pair in grown]]}
        for lane in lanes
    ]
    return {"type": "dropdown", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "buttons": buttons}


def _embedded(value: Any) -> str:
    """JSON that cannot end a script element."""
    return json.dumps(value, sort_keys=True, allow_nan=False).replace("<", "\\u003c")


def _plotly() -> str:
    """The plotting library's own bundle, from its package."""
    source = importlib.resources.files("plotly") / "package_data" / "plotly.min.js"
    return source.read_text(encoding="utf-8").replace("</script", "<\\/script")
