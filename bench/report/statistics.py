"""What the report shows of distributions and variance, as plain values."""

import math
from dataclasses import dataclass

from bench.distributions import Contrast
from bench.variance import Component, Variance


@dataclass(frozen=True, kw_only=True)
class ContrastView:
    """Two cells that do not repeat: where their distributions lie farthest apart, and place by place
    (fit, scores of each, Mann-Whitney's p, Kolmogorov-Smirnov's p, corrected p, Cliff's delta)."""

    lane: str
    left: str
    right: str
    runs: str
    differing: str
    p: str
    where: str
    delta: str
    ratio: str
    needed: str
    reason: str
    places: tuple[tuple[str, str, str, str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class VarianceView:
    """The variance of one lane: how many there are of each source, and what each adds or why that is not known."""

    lane: str
    counts: str
    sources: tuple[tuple[str, str], ...]
    beside_seed: str


def contrast(one: Contrast) -> ContrastView:
    left, right = one.sides
    worst = one.worst
    return ContrastView(
        lane=one.lane,
        left=left,
        right=right,
        runs=f"{one.left.runs}, {one.right.runs}",
        differing=f"{one.differing} of {len(one.tests)}" if worst else "",
        p=f"{worst.corrected:.2g}" if worst else "",
        where=worst.where if worst else "",
        delta=f"{worst.delta:+.2f}" if worst else "",
        ratio=_with_interval(f"{one.ratio:.4g}", one.interval, "{:.4g}") if one.ratio is not None else "",
        needed=str(one.needed) if one.needed else "",
        reason=one.reason or "",
        places=tuple(
            (
                test.where,
                f"{test.sizes[0]}, {test.sizes[1]}",
                f"{test.p_location:.2g}",
                f"{test.p_shape:.2g}",
                f"{test.corrected:.2g}",
                f"{test.delta:+.2f}",
            )
            for test in one.tests
        ),
    )


def variance(one: Variance) -> VarianceView:
    beside = [
        f"{part.source} {_with_interval(*_percents(part.ratio, part.ratio_interval))}"
        for part in one.components
        if part.ratio is not None
    ]
    return VarianceView(
        lane=one.lane,
        counts=", ".join(f"{part.levels} {part.source}{'' if part.levels == 1 else 's'}" for part in one.components),
        sources=tuple((part.source, one.reason or _source(part)) for part in one.components),
        beside_seed="; ".join(beside),
    )


def _source(part: Component) -> str:
    """`98.1 % (95 to 99.2), sd 1.3`, or why there is no such thing."""
    if part.sd is None:
        return f"not estimable: {part.reason}"
    deviation = f"sd {part.sd:.2g}"
    if part.share is None:
        return deviation
    return f"{_with_interval(*_percents(part.share, part.share_interval))}, {deviation}"


def _percents(value: float, interval: tuple[float, float] | None) -> tuple[str, tuple[float, float] | None, str]:
    scaled = (100 * interval[0], 100 * interval[1]) if interval else None
    return "inf" if math.isinf(value) else f"{100 * value:.3g} %", scaled, "{:.3g}"


def _with_interval(text: str, interval: tuple[float, float] | None, form: str) -> str:
    """`1.02 (0.98 to 1.06)`."""
    return text if interval is None else f"{text} ({form.format(interval[0])} to {form.format(interval[1])})"
