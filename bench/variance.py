"""Where scores vary: shares of seed, backend, machine and run in the variance of the log score, nested in this order.

The model of one score: log y = (mean of its position) + seed + backend in seed + machine in backend + run in machine,
all but the first random with a variance each. A seed means its own start at every position, so that effects are nested
in positions too; the mean of a position is fixed. Logarithms, since errors are positive and spread by factors.

Estimates are the nested analysis of variance: sums of squares set equal to their expectations, which unbalanced data
have too (S. R. Searle, G. Casella and C. E. McCulloch, Variance Components, 1992, sections 3.6 and 5.2). On balanced
data they are REML's. statsmodels' MixedLM gives the same there and the tests hold it against this module, but it is
not used: where noise is far below what it is compared with, or absent, which is what a reproducible training is like,
it reports convergence at variances that are off by orders of magnitude (docs/statistics.md has the figures).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import comparability
from bench.groups import Group
from bench.records import Record

SOURCES = ("seed", "backend", "machine", "run")

#: Draws behind an interval, and where they start: the same records give the same bytes.
DRAWS, START = 9_999, 1

#: Keys of a run that tell its sources of variance, not its task.
VARIED = frozenset({"backend", "stack", "machine", "hardware", "campaign", "index"})


@dataclass(frozen=True, kw_only=True)
class Component:
    """One source. `sd` is the standard deviation of the log score that it adds, `share` its part of the variance (0 to
    1), `ratio` its sd over that of the seed; each with a 95 % interval. `reason` says why there is no estimate."""

    source: str
    levels: int
    sd: float | None = None
    share: float | None = None
    share_interval: tuple[float, float] | None = None
    ratio: float | None = None
    ratio_interval: tuple[float, float] | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Variance:
    """The components of one lane, in the order of `SOURCES`; `reason` says why nothing could be estimated."""

    lane: str
    runs: int
    fits: int
    components: tuple[Component, ...]
    reason: str | None = None

    def of(self, source: str) -> Component:
        return self.components[SOURCES.index(source)]


def shares(groups: Sequence[Group]) -> tuple[Variance, ...]:
    """The variance of each lane whose scores vary, or could: a lane is a cell, and with supplied weights all its
    backends (in the native lane a backend draws a start of its own, so that it is told from the seed by nothing)."""
    lanes: dict[tuple[tuple[str, str], ...], list[Record]] = defaultdict(list)
    for group in groups:
        if group.cell.seeding != "unseeded" and (group.compared or len(group.runs) == 1):
            lanes[_task(group)] += [one.record for one in group.runs]
    found = (_variance(records) for records in lanes.values())
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.lane, str(one))))


def _task(group: Group) -> tuple[tuple[str, str], ...]:
    kept = {"backend", "stack"} if group.cell.init == "native" else set()
    keys = comparability.keys(group.first.record).items()
    return tuple(
        (name, value) for name, value in keys if (name not in VARIED or name in kept) and not name.startswith("seed.")
    )


def _levels(record: Record) -> tuple[str, str, str]:
    """Seed, backend and machine of a run; another stack of a backend is another backend."""
    run = record.run
    seeds = " ".join(f"{name}={value}" for name, value in sorted(run.seeds.items()))
    return seeds, f"{run.cell.split('/')[1]} {run.stack}", f"{run.machine.label} {run.machine.hardware}"


def _variance(records: Sequence[Record]) -> Variance | None:
    """The components of one lane; None where there is nothing to estimate or to say."""
    rows = sorted((*_levels(record), record.outcome.scores) for record in records if record.outcome)
    workload, backend, seeding, init, preset = records[0].run.cell.split("/")
    lane = "/".join((workload, backend if init == "native" else "*", seeding, init, preset))
    counts = [len({row[number] for row in rows}) for number in range(3)] + [len(rows)]
    scores = np.array([row[3] for row in rows], dtype=np.float64)
    named = [Component(source=source, levels=count) for source, count in zip(SOURCES, counts, strict=True)]
    if len(rows) < 2:
        return None
    if not (np.isfinite(scores) & (scores > 0.0)).all():
        reason = "a score is not a positive number, and has no logarithm"
        return Variance(lane=lane, runs=len(rows), fits=scores.size, components=tuple(named), reason=reason)
    labels = np.stack([np.unique([row[number] for row in rows], return_inverse=True)[1] for number in range(3)])
    sums = _sums(np.log(scores), labels)
    components = _components(named, sums, native=init == "native")
    estimated = [one for one in components if one.sd is not None]
    if len(estimated) < 2 and not any(one.sd for one in estimated):
        return None
    return Variance(lane=lane, runs=len(rows), fits=scores.size, components=components)


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Of the levels seed, backend, machine and run: sums of squares, degrees of freedom, and the coefficients with
    which the variances enter the expected sums, E[squares_j] = sum over i >= j of coefficients[j, i] variance_i."""

    squares: NDArray[np.float64]
    freedom: NDArray[np.int64]
    coefficients: NDArray[np.float64]


def _sums(values: NDArray[np.float64], labels: NDArray[np.int64]) -> Sums:
    """`values` is (runs, positions), `labels` is (3, runs): seed, backend and machine of each run."""
    runs, positions = values.shape
    flat = values.ravel()
    path = np.vstack([np.tile(np.arange(positions), runs), np.repeat(labels, positions, axis=1), np.arange(flat.size)])
    nodes = [np.unique(path[: depth + 1].T, axis=0, return_inverse=True)[1].ravel() for depth in range(5)]
    sizes = [np.bincount(node) for node in nodes]
    means = [_means(flat, node, size) for node, size in zip(nodes, sizes, strict=True)]
    steps = range(1, 5)
    within = [[float((sizes[i][nodes[i]] / sizes[j][nodes[j]]).sum()) for i in range(5)] for j in range(5)]
    return Sums(
        squares=np.array([np.square(means[j][nodes[j]] - means[j - 1][nodes[j - 1]]).sum() for j in steps]),
        freedom=np.array([len(sizes[j]) - len(sizes[j - 1]) for j in steps]),
        coefficients=np.array([[within[j][i] - within[j - 1][i] if i >= j else 0.0 for i in steps] for j in steps]),
    )


def _means(values: NDArray[np.float64], node: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means by node, as distances from the least value there: equal numbers have that very number as their mean."""
    least = np.full(len(size), math.inf)
    np.minimum.at(least, node, values)
    result: NDArray[np.float64] = least + np.bincount(node, weights=values - least[node]) / size
    return result


def _components(named: Sequence[Component], sums: Sums, *, native: bool) -> tuple[Component, ...]:
    """Estimates and intervals. The latter are quantiles of generalized pivotal quantities: every mean square over a
    chi-square draw stands for its expectation (S. Weerahandi, JASA 88 (1993) 899-905; R. K. Burdick, C. M. Borror and
    D. C. Montgomery, Design and Analysis of Gauge R&R Studies, 2005). The first column of draws is the estimate."""
    usable = [bool(free > 0) for free in sums.freedom]
    random = np.random.default_rng(START)
    variances = np.zeros((4, DRAWS + 1))
    for j in (3, 2, 1, 0):
        if usable[j]:
            chi = np.concatenate([[sums.freedom[j]], random.chisquare(sums.freedom[j], DRAWS)])
            above = sums.coefficients[j, j + 1 :] @ variances[j + 1 :]
            variances[j] = (sums.squares[j] * sums.freedom[j] / chi - above) / sums.coefficients[j, j]
    variances = np.maximum(variances, 0.0)
    total = variances.sum(axis=0)
    found = []
    for j, one in enumerate(named):
        if not usable[j]:
            found.append(Component(source=one.source, levels=one.levels, reason=_reason(one, native=native)))
            continue
        share = np.divide(variances[j], total, out=np.zeros_like(total), where=total > 0.0)
        share_of = sum(usable) > 1 and total[0] > 0.0
        ratio = _ratio(variances[j], variances[0]) if usable[0] and j and share_of else None
        found.append(
            Component(
                source=one.source,
                levels=one.levels,
                sd=math.sqrt(variances[j, 0]),
                share=float(share[0]) if share_of else None,
                share_interval=_interval(share) if share_of else None,
                ratio=None if ratio is None else float(ratio[0]),
                ratio_interval=None if ratio is None else _interval(ratio),
            )
        )
    return tuple(found)


def _ratio(variance: NDArray[np.float64], seed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation over the seed's; infinity where only the seed adds nothing, 0 where neither adds anything."""
    missing = np.where(variance > 0.0, math.inf, 0.0)
    return np.sqrt(np.divide(variance, seed, out=missing, where=seed > 0.0))


def _interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(draws[1:], [0.025, 0.975], method="inverted_cdf")  # nothing between two draws: infinities
    return float(low), float(high)


def _reason(one: Component, *, native: bool) -> str:
    if one.source == "backend" and native:
        return "each backend draws its own start"
    if one.source == "run":
        return "one run of each"
    return f"one {one.source}" if one.levels == 1 else f"no two {one.source}s share all else"
