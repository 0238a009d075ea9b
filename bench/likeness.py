"""Whether the scores of two sides have the same distribution, where `expect:` wants that.

The tests and their correction are those of bench/distributions.py, over all such expectations of a matrix together: the
chance that a night is red although no distribution changed is 5 % at most, however many cells there are. Sides that all
have the same bits hold without a test. Where the runs are too few for the test to reject whatever their scores are, to
pass would be to promise what nobody looked at: that is the state `few`, and it counts as a breach.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.comparison import compare
from bench.distributions import LEVEL, Contrast, Sample, least, sample, tested
from bench.groups import Group
from bench.judgement import HOLDS, Judged, State, asked, describe, verdict
from bench.matrix import Expectation


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Two sides to be held against each other at the expectation's scope; several groups of a side are of one cell,
    stack and machine class."""

    expectation: Expectation
    subject: str
    left: tuple[Group, ...]
    right: tuple[Group, ...]

    @property
    def records(self) -> tuple[str, ...]:
        return self.left[0].first.digest, self.right[0].first.digest

    def judged(self, state: State, seen: str) -> Judged:
        return Judged(expectation=self.expectation, subject=self.subject, state=state, seen=seen, records=self.records)


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A candidate that only a test can judge; `count` p-values it has, and none can be less than `least`."""

    number: int
    left: Sample
    right: Sample
    count: int
    least: float


def judge(candidates: Sequence[Candidate]) -> list[Judged]:
    """Candidates judged together, in their order."""
    found: dict[int, Judged] = {}
    pairs: list[_Pair] = []
    for number, one in enumerate(candidates):
        left, right = sample(one.left), sample(one.right)
        known = _without_test(one, left, right)
        if known is not None:
            found[number] = one.judged(*known)
        else:
            pairs.append(_pair(number, left, right))
    able = _able(pairs)
    family = sum(pair.count for pair in able)
    for pair in pairs:
        if pair not in able:
            found[pair.number] = candidates[pair.number].judged("few", _few(pair, family + pair.count))
    scopes = [(candidates[pair.number].expectation.scope, pair.left, pair.right) for pair in able]
    for pair, contrast in zip(able, tested(scopes), strict=True):
        found[pair.number] = candidates[pair.number].judged(*_tested(contrast))
    return [found[number] for number in range(len(candidates))]


def _without_test(one: Candidate, left: Sample, right: Sample) -> tuple[State, str] | None:
    """State and sentence where no test is needed, or where none can be made."""
    pair = compare(one.left[0].first, one.right[0].first, one.expectation.scope)
    groups = (*one.left, *one.right)
    if pair.verdict in ("INCOMPARABLE", "ERROR"):
        return "changed" if one.expectation.scope == "night" and asked(pair) else "breach", describe(pair)
    if any(len(group.runs) > 1 and not group.compared for group in groups):
        return "breach", "runs of one side cannot be compared with each other"
    results = {run.record.outcome.result_digest for group in groups for run in group.runs if run.record.outcome}
    if pair.verdict == "IDENTICAL" and len(results) == 1 and all(len(group.classes) == 1 for group in groups):
        return HOLDS[0], f"the same bits in {left.runs} and {right.runs} runs"
    if not all(math.isfinite(score) for side in (left, right) for column in side.columns.values() for score in column):
        return "breach", "scores that are not finite have no distribution to compare"
    if min(left.runs, right.runs) > 1 and not left.columns.keys() & right.columns.keys():
        return "breach", "no fit starts alike on both sides, so that no two scores are draws of one kind"
    return None


def _pair(number: int, left: Sample, right: Sample) -> _Pair:
    """Each place has two tests; one run of a side, whose start nothing tells apart from its cell's, can have none."""
    places = left.columns.keys() & right.columns.keys() if min(left.runs, right.runs) > 1 else ()
    floors = [least(len(left.columns[place]), len(right.columns[place])) for place in places]
    return _Pair(
        number=number, left=left, right=right, count=2 * max(1, len(floors)), least=min(floors, default=math.inf)
    )


def _able(pairs: Sequence[_Pair]) -> list[_Pair]:
    """The largest family in which every test could reject: those with the most runs, while the correction for all of
    them leaves the last a chance. It depends on numbers of runs alone, never on scores."""
    order = sorted(pairs, key=lambda pair: (pair.least, pair.number))
    counts = list(itertools.accumulate(pair.count for pair in order))
    able = [number for number, pair in enumerate(order, 1) if pair.least <= LEVEL / counts[number - 1]]
    return order[: max(able, default=0)]


def _few(pair: _Pair, family: int) -> str:
    """How many runs there are, and how many of each side would do (where each gives as many scores as now)."""
    scores = next(n for n in itertools.count(2) if least(n, n) <= LEVEL / family)
    fits = min(len(column) / side.runs for side in (pair.left, pair.right) for column in side.columns.values())
    needed = math.ceil(scores / max(1.0, fits))
    return (
        f"not enough runs ({pair.left.runs} and {pair.right.runs}; needs {needed} of each): no scores whatever could "
        "be told apart"
    )


def _tested(contrast: Contrast) -> tuple[State, str]:
    worst = contrast.worst
    if worst is None:
        return "breach", contrast.reason or "could not be tested"
    runs = f"{contrast.left.runs} and {contrast.right.runs} runs"
    evidence = f"least corrected p {worst.corrected:.2g} at {worst.where}, Cliff's delta {worst.delta:+.2f}"
    if contrast.ratio is not None and contrast.interval is not None:
        low, high = contrast.interval
        evidence += f", ratio of medians {contrast.ratio:.4g} ({low:.4g} to {high:.4g})"
    differing, places = contrast.differing, len(contrast.tests)
    said = f"scores differ at {differing} of {places}" if differing else f"no difference seen at {places}"
    return verdict(not differing), f"{said} {'place' if places == 1 else 'places'} in {runs}; {evidence}"
