"""Scores of cells that do not repeat, held against each other as distributions: tests, effect sizes, runs needed.

Two cells are compared where a scope would compare them, one thing varied, and both do not repeat: a cell that repeats
is one vector, and no test is needed to see that many vectors are not all that one.

The tests see ranks only. Errors are positive and skewed, runs are few, and no transform to normality can be checked
with five of them; ranks are the same for an error and its logarithm. Mann and Whitney's test sees that the scores of
one cell tend to be larger, Kolmogorov and Smirnov's any other difference, of spread for instance, at less power. All
p-values of a report are corrected together (S. Holm, Scand. J. Statist. 6 (1979) 65-70): the chance that it calls any
equal distributions different is 5 % at most, however many cells there are. The size of an effect is Cliff's delta
(N. Cliff, Psychol. Bull. 114 (1993) 494-509) and, on the log scale, the ratio of medians with a percentile bootstrap
interval.
"""

import dataclasses
import itertools
import math
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import comparability
from bench.comparability import VARIES
from bench.groups import Group

SCOPES = ("control", "machine", "backend")

#: Called different below it, and the power that the needed runs shall have.
LEVEL, POWER = 0.05, 0.8

#: Resamples of a bootstrap or permutation, and where they start: the same records give the same bytes.
RESAMPLES, START = 4_999, 1

#: Asymptotic p-values serve from so many scores of each on; below it exact ones do, and permutations if there are ties.
LARGE = 9

#: Exact p-values count paths in a grid of both sizes, which takes long, and overflows, where it is large.
GRID = 10_000

#: Which numbers are draws from one distribution: seeds (none if unseeded), position (0 for all), digest of the initial
#: weights that all runs share (empty where each draws its own).
Place = tuple[tuple[tuple[str, int], ...], int, str]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Runs of one cell, stack and machine that do not repeat. `columns` are their scores by place, sorted: the order of
    runs tells nothing."""

    groups: tuple[Group, ...]
    columns: Mapping[Place, NDArray[np.float64]]

    @property
    def first(self) -> Group:
        return self.groups[0]

    @property
    def runs(self) -> int:
        return sum(len(group.runs) for group in self.groups)


@dataclass(frozen=True, kw_only=True)
class PlaceTest:
    """Two samples at one place. `p_location` is Mann and Whitney's, `p_shape` Kolmogorov and Smirnov's, `corrected` the
    lesser of both after Holm. `delta` is P(left > right) - P(left < right)."""

    place: Place
    sizes: tuple[int, int]
    p_location: float
    p_shape: float
    corrected: float
    delta: float

    @property
    def where(self) -> str:
        """`fit 3`, with the seed if it is another than 1, or `all fits`."""
        seeds, position, _ = self.place
        seed = dict(seeds).get("numpy", 1)
        return "all fits" if position == 0 else f"fit {position}" + (f" of seed {seed}" if seed != 1 else "")

    @property
    def differs(self) -> bool:
        return self.corrected <= LEVEL


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two samples at one scope, place by place. `worst` is the test with the least corrected p, and `ratio` the
    left median over the right one there, with its 95 % interval (None where a score is not positive). `needed` scores
    of each would tell the two apart there at 80 % power, were they as far apart as they look; None where they look
    equal. `reason` says why nothing was tested."""

    left: Sample
    right: Sample
    scope: str
    tests: tuple[PlaceTest, ...] = ()
    worst: PlaceTest | None = None
    ratio: float | None = None
    interval: tuple[float, float] | None = None
    needed: int | None = None
    reason: str | None = None

    @property
    def sides(self) -> tuple[str, str]:
        """The values of what is varied: presets, machines or backends."""
        pair = self.left.first, self.right.first
        if self.scope == "machine":
            labels = [one.first.record.run.machine for one in pair]
            same = labels[0].label == labels[1].label
            first, second = (f"{one.label} {str(one.hardware)[:8]}" if same else one.label for one in labels)
            return first, second
        name = "preset" if self.scope == "control" else "backend"
        return getattr(pair[0].cell, name), getattr(pair[1].cell, name)

    @property
    def lane(self) -> str:
        """The cell with a star for what is varied."""
        cell = self.left.first.cell
        parts = [cell.workload, cell.backend, cell.seeding, cell.init, cell.preset]
        if self.scope != "machine":
            parts[4 if self.scope == "control" else 1] = "*"
        return "/".join(parts)

    @property
    def differing(self) -> int:
        """At how many places the distributions differ."""
        return sum(one.differs for one in self.tests)


def samples(groups: Sequence[Group]) -> tuple[Sample, ...]:
    """Samples of the groups that do not repeat, those of several seeds in one."""
    found: dict[tuple[tuple[str, str], ...], list[Group]] = defaultdict(list)
    for group in groups:
        if group.verdict in ("DIFFERENT", "ROUNDING"):
            found[tuple(sorted(_keys(group).items()))].append(group)
    return tuple(sample(members) for _, members in sorted(found.items()))


def _keys(group: Group) -> dict[str, str]:
    """What tells one sample from another: the keys of comparability, without seeds, which belong to a place."""
    keys = comparability.keys(group.first.record)
    return {name: value for name, value in keys.items()
            if name not in ("index", "campaign") and not name.startswith("seed.")}  # fmt: skip


def sample(groups: Sequence[Group]) -> Sample:
    """All scores of groups of one cell, stack and machine class, by place. An unseeded
    cell's fits are draws of one kind, unless its runs share initial weights nevertheless."""
    columns: dict[Place, list[float]] = defaultdict(list)
    for group in groups:
        seeds = tuple(sorted(group.first.record.run.seeds.items())) if group.cell.seeding != "unseeded" else ()
        starts = _starts(group)
        for one in group.runs:
            assert one.record.outcome is not None  # only ok runs are grouped
            for number, (score, start) in enumerate(zip(one.record.outcome.scores, starts, strict=True), start=1):
                pooled = not seeds and not any(starts)
                columns[seeds, 0 if pooled else number, start].append(score)
    return Sample(groups=tuple(groups), columns={place: np.sort(column) for place, column in sorted(columns.items())})


def _starts(group: Group) -> list[str]:
    """For each fit the digest of its initial weights if all runs share them, else an empty text."""
    runs = [
        [" ".join(array.sha256 for array in repeat.initial_weights) for repeat in one.record.outcome.repeats]
        for one in group.runs
        if one.record.outcome
    ]
    return [fits[0] if len(set(fits)) == 1 else "" for fits in zip(*runs, strict=True)]


def contrasts(groups: Sequence[Group]) -> tuple[Contrast, ...]:
    """Every two samples that a scope compares, tested; the correction is over all of them."""
    return tested(list(_pairs(samples(groups))))


def least(left: int, right: int) -> float:
    """The least p that any scores of so many on each side could give: 2 / C(left + right, left), exact and two-sided,
    of either test."""
    return 2 / math.comb(left + right, left)


def tested(pairs: Sequence[tuple[str, Sample, Sample]]) -> tuple[Contrast, ...]:
    """Samples at their scopes, tested at every place that both have; the correction is over all of them."""
    raw = [[] if _untestable(left, right) else _tests(left, right) for _, left, right in pairs]
    tests = [one for some in raw for one in some]
    if not tests:
        return tuple(_contrast(*pair, ()) for pair in pairs)
    from statsmodels.stats.multitest import multipletests

    corrected = multipletests([p for one in tests for p in (one.p_location, one.p_shape)], method="holm")[1]
    lesser = iter(corrected.reshape(-1, 2).min(axis=1))
    done = [tuple(dataclasses.replace(one, corrected=float(next(lesser))) for one in some) for some in raw]
    return tuple(_contrast(*pair, some, len(corrected)) for pair, some in zip(pairs, done, strict=True))


def _pairs(found: Sequence[Sample]) -> Iterator[tuple[str, Sample, Sample]]:
    """Samples that differ in what one scope varies and in nothing else, and that have a place in common: the same
    seeds, and trainings that start alike, from the same initial weights or both from weights drawn anew."""
    for scope in SCOPES:
        alike: Mapping[object, list[Sample]] = defaultdict(list)
        for one in found:
            alike[tuple(item for item in sorted(_keys(one.first).items()) if item[0] not in VARIES[scope])].append(one)
        for members in alike.values():
            for left, right in itertools.combinations(members, 2):
                varied = scope != "backend" or left.first.cell.backend != right.first.cell.backend
                if varied and left.columns.keys() & right.columns.keys():
                    yield scope, left, right


def _untestable(left: Sample, right: Sample) -> str | None:
    for one in (left, right):
        lost = sum(int((~np.isfinite(column)).sum()) for column in one.columns.values())
        if lost:
            return f"{one.first.cell}: {lost} scores are not finite"
    return None


def _tests(left: Sample, right: Sample) -> list[PlaceTest]:
    """The tests of each common place, not yet corrected."""
    from scipy import stats

    found = []
    for place in sorted(left.columns.keys() & right.columns.keys()):
        one, other = left.columns[place], right.columns[place]
        ties = len(np.unique(np.concatenate([one, other]))) < len(one) + len(other)
        few = min(len(one), len(other)) < LARGE
        random = np.random.default_rng(START)
        permute = few and (ties or len(one) * len(other) > GRID)
        permuted = stats.PermutationMethod(n_resamples=RESAMPLES, rng=random) if permute else None
        location = stats.mannwhitneyu(one, other, method=permuted or ("exact" if few else "asymptotic"))
        with warnings.catch_warnings():
            # An exact p of 1 can come out a rounding error above it; SciPy then warns and takes the asymptotic one.
            warnings.simplefilter("ignore", RuntimeWarning)
            shape = stats.ks_2samp(one, other, method="exact" if len(one) * len(other) <= GRID else "asymp")
        found.append(
            PlaceTest(
                place=place,
                sizes=(len(one), len(other)),
                p_location=float(location.pvalue),
                p_shape=float(shape.pvalue),
                corrected=math.nan,
                delta=float(2.0 * location.statistic / (len(one) * len(other)) - 1.0),
            )
        )
    return found


def _contrast(scope: str, left: Sample, right: Sample, tests: Sequence[PlaceTest], family: int = 0) -> Contrast:
    if not tests:
        return Contrast(left=left, right=right, scope=scope, reason=_untestable(left, right))
    worst = min(tests, key=lambda one: (one.corrected, -abs(one.delta), one.place))
    one, other = left.columns[worst.place], right.columns[worst.place]
    ratio = _ratio(one, other) if one[0] > 0.0 and other[0] > 0.0 else (None, None)
    return Contrast(
        left=left,
        right=right,
        scope=scope,
        tests=tuple(tests),
        worst=worst,
        ratio=ratio[0],
        interval=ratio[1],
        needed=_needed(one, other, LEVEL / family),
    )


def _ratio(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, tuple[float, float]]:
    """Ratio of medians and its percentile bootstrap interval (the median's jackknife, which BCa would need, is not
    consistent: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, section 11.6)."""
    from scipy import stats

    def gap(left: NDArray[np.float64], right: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.median(left, axis=axis) - np.median(right, axis=axis)
        return result

    logs = np.log(one), np.log(other)
    found = stats.bootstrap(
        logs,
        gap,
        n_resamples=RESAMPLES,
        batch=max(1, 10_000_000 // max(len(one), len(other))),  # at most 80 MB at a time
        method="percentile",
        rng=np.random.default_rng(START),
    ).confidence_interval
    return math.exp(float(gap(*logs))), (math.exp(found.low), math.exp(found.high))


def _needed(one: NDArray[np.float64], other: NDArray[np.float64], alpha: float) -> int | None:
    """Scores of each that Mann and Whitney's test needs (M. Happ, A. C. Bathke and E. Brunner, Statistics in Medicine
    38 (2019) 363-375), and never fewer than its exact p-value needs to be able to fall to alpha, 2 / C(2n, n)."""
    from statsmodels.stats.nonparametric import samplesize_rank_compare_onetail

    try:
        found = samplesize_rank_compare_onetail(one, other, alpha=alpha, power=POWER)
    except ValueError:  # neither tends to be larger
        return None
    fewest = next(n for n in itertools.count(2) if least(n, n) <= alpha)
    return max(fewest, math.ceil(float(max(found.nobs_treat, found.nobs_ref))))
