"""Runs that are meant to be the same: one cell, one stack, one machine, one campaign; and their classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench import where
from bench.bound import Bound
from bench.cell import Cell
from bench.comparison import Comparison, Verdict, compare
from bench.store import Stored

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Group:
    """All ok runs of one key, by index. `classes` are the runs' indices by equal results (and equal weights on
    the way, where all kept them), first seen first; `comparisons` hold each later run against the first."""

    cell: Cell
    runs: tuple[Stored, ...]
    classes: tuple[tuple[int, ...], ...]
    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    reason: str | None

    @property
    def first(self) -> Stored:
        return self.runs[0]

    @property
    def repeatable(self) -> bool:
        return self.verdict == "IDENTICAL"

    @property
    def compared(self) -> bool:
        """Whether the runs could be held against each other; if not, they are neither equal nor different."""
        return self.verdict not in ("INCOMPARABLE", "ERROR")

    def place(self) -> tuple[str, str, str]:
        """(machine label, hardware digest, campaign): what two groups must share to be compared across backends."""
        run = self.first.record.run
        return run.machine.label, str(run.machine.hardware), run.campaign


def group(stored: Iterable[Stored], bounds: "Sequence[tuple[str, Bound]]" = ()) -> tuple[Group, ...]:
    """Groups of ok runs in order of cell and stack. Of several ok attempts at one index the earliest counts."""
    return tuple(_make(runs, bounds) for runs in gather(stored))


def gather(stored: Iterable[Stored]) -> list[list[Stored]]:
    """The runs of each group, by index, not compared yet."""
    found: dict[tuple[object, ...], dict[int, Stored]] = {}
    for one in sorted(stored, key=lambda one: (one.record.started, one.digest)):
        run = one.record.run
        if one.record.ok:
            key = (
                run.cell,
                tuple(sorted(run.seeds.items())),
                str(run.stack),
                run.machine.label,
                str(run.machine.hardware),
                run.campaign,
            )
            found.setdefault(key, {}).setdefault(run.index, one)
    return [[runs[index] for index in sorted(runs)] for _, runs in sorted(found.items(), key=lambda item: str(item[0]))]


def _make(runs: Sequence[Stored], bounds: "Sequence[tuple[str, Bound]]") -> Group:
    run = runs[0].record.run
    cell = Cell.parse(run.cell)
    bound = next((bound for pattern, bound in bounds if where.covers(pattern, run)), None)
    comparisons = tuple(compare(runs[0], other, "run", bound) for other in runs[1:])
    classes: dict[tuple[object, ...], list[int]] = {}
    ways = [_ways(one) for one in runs]
    kept = [
        None not in kind for kind in zip(*ways, strict=True)
    ]  # a trace level that keeps less must not split a class
    for one, way in zip(runs, ways, strict=True):
        assert one.record.outcome is not None
        key = (one.record.outcome.result_digest, *(kind for kind, known in zip(way, kept, strict=True) if known))
        classes.setdefault(key, []).append(one.record.run.index)
    verdict, reason = _verdict(comparisons)
    return Group(
        cell=cell,
        runs=tuple(runs),
        classes=tuple(tuple(indices) for indices in classes.values()),
        comparisons=comparisons,
        verdict=verdict,
        reason=reason,
    )


def _ways(stored: Stored) -> tuple[tuple[object, ...] | None, ...]:
    """Each kind of digests of the weights on the way, of all repeats; None if any repeat did not keep it."""
    assert stored.record.outcome is not None
    kinds = zip(*(repeat.ways() for repeat in stored.record.outcome.repeats), strict=True)
    return tuple(None if None in kind else kind for kind in kinds)


def _verdict(comparisons: Sequence[Comparison]) -> tuple[Verdict, str | None]:
    """The worst of a group's comparisons; one run alone says nothing."""
    if not comparisons:
        return "INCOMPARABLE", "runs: 1 and 2 at least are needed to compare"
    order: tuple[Verdict, ...] = ("ERROR", "INCOMPARABLE", "DIFFERENT", "ROUNDING", "IDENTICAL")
    worst = min(comparisons, key=lambda one: order.index(one.verdict))
    return worst.verdict, worst.reason


def differing_share(runs: int) -> float | None:
    """Upper bound, one-sided at 95 %, of the share of runs that differ from the first, when none of n - 1 did.

    Solves (1 - p)^(n-1) = 0.05 for p (the zero-event case of C. J. Clopper and E. S. Pearson, Biometrika 26
    (1934) 404-413); None for a single run, which claims nothing.
    """
    return None if runs < 2 else 1.0 - (1.0 - CONFIDENCE) ** (1.0 / (runs - 1))
