"""What matrix.yaml declares under `expect:` held against what was seen; a breach is exit code 1."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.bound import Bound
from bench.cell import Cell
from bench.comparison import Comparison, within
from bench.groups import Group
from bench.matrix import Expectation
from bench.published import PublishedComparison


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One expectation on one comparison: whether it holds, and a sentence that says what was seen."""

    expectation: Expectation
    subject: str
    holds: bool
    seen: str


def judge(
    expectations: Sequence[Expectation],
    groups: Sequence[Group],
    pairs: Sequence[Comparison],
    published: Sequence[PublishedComparison],
) -> tuple[Judged, ...]:
    """Every expectation on every comparison that it speaks of, in the order of matrix.yaml."""
    found: list[Judged] = []
    for expectation in expectations:
        judged = list(_apply(expectation, groups, pairs, published))
        found.extend(judged)
        if expectation.required and not judged:
            ok = any(group.cell.matches(expectation.where) for group in groups)
            found.append(
                Judged(
                    expectation=expectation,
                    subject=expectation.where,
                    holds=False,
                    seen=f"required, but {'nothing to compare it with' if ok else 'no run of it'} is ok",
                )
            )
    return tuple(found)


def _apply(
    expectation: Expectation,
    groups: Sequence[Group],
    pairs: Sequence[Comparison],
    published: Sequence[PublishedComparison],
) -> Iterable[Judged]:
    bound = expectation.at_least
    if expectation.scope == "run":
        for group in groups:
            if group.cell.matches(expectation.where) and len(group.runs) > 1:
                yield _group(expectation, group)
    elif expectation.scope == "published":
        for one in published:
            if one.group.cell.matches(expectation.where):
                holds = one.verdict == "IDENTICAL" or (bool(one.positions) and _digits(bound, one.min_digits))
                seen = one.reason or f"{one.verdict}, {one.min_digits:.1f} digits at the worst position"
                yield Judged(expectation=expectation, subject=f"{one.group.cell} ~ {one.lane}", holds=holds, seen=seen)
    else:
        for pair in pairs:
            cells = pair.left.record.run.cell, pair.right.record.run.cell
            if pair.scope == expectation.scope and all(Cell.parse(cell).matches(expectation.where) for cell in cells):
                yield Judged(
                    expectation=expectation,
                    subject=f"{cells[0]} ~ {cells[1]}",
                    holds=_pair(pair, bound),
                    seen=describe(pair),
                )


def _group(expectation: Expectation, group: Group) -> Judged:
    holds = all(_pair(pair, expectation.at_least) for pair in group.comparisons)
    worst = next((pair for pair in group.comparisons if not _pair(pair, expectation.at_least)), group.comparisons[0])
    seen = f"{len(group.runs)} runs in {len(group.classes)} class{'es' if len(group.classes) > 1 else ''}"
    if not holds:
        left, right = worst.left.record.run.index, worst.right.record.run.index
        seen += f"; run {left} against run {right}: {describe(worst)}"
    return Judged(expectation=expectation, subject=str(group.cell), holds=holds, seen=seen)


def _pair(pair: Comparison, bound: Bound) -> bool:
    """Whether a comparison reaches a bound. An error or an incomparable pair never does."""
    if pair.verdict == "IDENTICAL":
        return True
    return pair.verdict in ("ROUNDING", "DIFFERENT") and pair.measures is not None and within(pair.measures, bound)


def _digits(bound: Bound, digits: float) -> bool:
    return bound.kind == "digits" and digits >= bound.limit


def describe(pair: Comparison) -> str:
    """A comparison in a few words."""
    if pair.measures is None or pair.verdict in ("IDENTICAL", "ERROR", "INCOMPARABLE"):
        return pair.verdict + (f" ({pair.reason})" if pair.reason else "")
    weights = "not a number on one side" if pair.measures.weights_ulp is None else f"{pair.measures.weights_ulp} ULP"
    parted = f", parted at {pair.parted()}" if pair.divergence else ""
    return f"{pair.verdict}: weights {weights}, scores {pair.measures.min_digits:.1f} digits{parted}"
