"""Figures of the report for the plotting library, as plain values that become JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report.cells import CellView
from bench.report.page import Page

#: Where a distance of 0 ULP is drawn on the logarithmic axis.
ZERO = 0.5

Figure = dict[str, Any]


def pairs_growth(page: Page) -> Figure | None:
    """ULP over epochs of every pair of backends; epoch 0 is the start. Of several lanes one is shown, a menu chooses.
    None where no pair kept its weights."""
    grown = [pair for pair in page.pairs if pair.growth]
    lanes = [page.placed(pair.lane, pair.machine) for pair in grown]
    choices = list(dict.fromkeys(lanes))
    figure = _growth([(f"{pair.left} ~ {pair.right}", pair.growth) for pair in grown])
    if len(choices) > 1 and figure is not None:
        for trace, lane in zip(figure["data"], lanes, strict=True):
            trace["visible"] = lane == choices[0]
        figure["layout"]["updatemenus"] = [_menu(choices, lanes)]
        figure["layout"]["margin"]["t"] = 60
    return figure


def cell_growth(cells: Sequence[CellView]) -> Figure | None:
    """ULP over epochs of one cell's runs that part, a line a machine."""
    return _growth([(f"{cell.machine}, seeds {cell.seeds}", cell.growth) for cell in cells if cell.growth])


def _growth(curves: Sequence[tuple[str, Sequence[int | None]]]) -> Figure | None:
    if not curves:
        return None
    largest = max((value for _, curve in curves for value in curve if value), default=1)
    powers = range(len(str(largest)) + 1)
    axis = {
        "title": {"text": "largest distance of any weight (ULP)"},
        "type": "log",
        "tickvals": [ZERO, *(10**power for power in powers)],
        "ticktext": ["0", "1", *(f"10<sup>{power}</sup>" for power in powers[1:])],
        "automargin": True,
    }
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": list(range(len(curve))),
                "y": [None if value is None else max(value, ZERO) for value in curve],
                "text": ["" if value is None else str(value) for value in curve],
                "hovertemplate": "epoch %{x}: %{text} ULP",
            }
            for name, curve in curves
        ],
        "layout": _layout({"title": {"text": "epoch"}, "rangemode": "tozero"}, axis),
    }


def strip(cells: Sequence[CellView]) -> Figure | None:
    """Every score of every run by its position, and the published ones; None where there is none to draw."""
    traces = [
        _points(f"{cell.machine}, seeds {cell.seeds}", [(run, scores) for run, scores in cell.strip])
        for cell in cells
        if cell.strip
    ]
    published = next((cell for cell in cells if cell.lane and cell.strip), None)
    if published is not None:
        known = [(row.position, row.published) for row in published.scores if row.published is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "published",
                "x": [position for position, _ in known],
                "y": [value for _, value in known],
                "text": [f"{value:.12g}" for _, value in known],
                "marker": {"symbol": "diamond-open", "size": 13, "line": {"width": 2}},
                "hovertemplate": "published, fit %{x}: %{text}",
            }
        )
    if not traces:
        return None
    # Errors go over orders of magnitude; an accuracy may be 0, which a logarithm has no place for.
    positive = all(value > 0 for trace in traces for value in trace["y"])
    vertical = {"title": {"text": "score"}, "automargin": True, **({"type": "log", "dtick": 1} if positive else {})}
    return {
        "data": traces,
        "layout": _layout({"title": {"text": "fit"}, "dtick": 1}, vertical),
    }


def _points(name: str, runs: Sequence[tuple[int, Sequence[float]]]) -> Figure:
    points = [(fit, score, run) for run, scores in runs for fit, score in enumerate(scores, start=1)]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [fit for fit, _, _ in points],
        "y": [score for _, score, _ in points],
        "text": [f"run {run}: {score:.12g}" for _, score, run in points],
        "marker": {"size": 7, "opacity": 0.6},
        "hovertemplate": "fit %{x}, %{text}",
    }


def _layout(horizontal: Mapping[str, Any], vertical: Mapping[str, Any]) -> Figure:
    return {
        "xaxis": dict(horizontal),
        "yaxis": dict(vertical),
        "margin": {"l": 80, "r": 20, "t": 30, "b": 60},
        "height": 460,
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.2},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }


def _menu(choices: Sequence[str], lanes: Sequence[str]) -> Figure:
    """The choice of a lane: each entry shows the lines of one and hides the others; `lanes` are those of the lines."""
    buttons = [
        {"method": "restyle", "label": choice, "args": ["visible", [lane == choice for lane in lanes]]}
        for choice in choices
    ]
    return {"type": "dropdown", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "buttons": buttons}
