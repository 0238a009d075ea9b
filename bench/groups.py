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
    """All ok runs of one key, by index. `classes` are the runs' indices by equal results (and equal weights on the way,
    as far as they were kept), first seen first; `firsts` has a run of each that kept most. `comparisons` hold each of
    the others against the first."""

    cell: Cell
    runs: tuple[Stored, ...]
    classes: tuple[tuple[int, ...], ...]
    firsts: tuple[Stored, ...]
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
    """Groups of ok runs in order of cell and stack. Of several ok attempts at one index the earliest counts, and
    each that ended otherwise."""
    return tuple(_make(runs, bounds) for runs in gather(stored))


def gather(stored: Iterable[Stored]) -> list[list[Stored]]:
    """The runs of each group, by index, not compared yet. Of several ok attempts at one index the earliest counts, and
    each that ended otherwise: two machines that are built alike may have one name."""
    found: dict[tuple[object, ...], dict[int, list[Stored]]] = {}
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
            attempts = found.setdefault(key, {}).setdefault(run.index, [])
            if not any(_alike(one, other) for other in attempts):
                attempts.append(one)
    return [
        [one for index in sorted(runs) for one in runs[index]]
        for _, runs in sorted(found.items(), key=lambda item: str(item[0]))
    ]


def _alike(one: Stored, other: Stored) -> bool:
    """Whether two attempts ended with the same bits, as far as both kept the way."""
    results = [run.record.outcome.result_digest for run in (one, other) if run.record.outcome]
    pairs = zip(_ways(one), _ways(other), strict=False)
    return results[0] == results[1] and all(None in pair or pair[0] == pair[1] for pair in pairs)


def _make(runs: Sequence[Stored], bounds: "Sequence[tuple[str, Bound]]") -> Group:
    run = runs[0].record.run
    cell = Cell.parse(run.cell)
    bound = next((bound for pattern, bound in bounds if where.covers(pattern, run)), None)
    classes = _classes(runs)
    comparisons = [compare(runs[0], other, "run", bound) for other in runs[1:]]
    if len(classes) > 1 and all(one.verdict == "IDENTICAL" for one in comparisons):
        # The first run kept less than others, which part on the way.
        comparisons += [compare(_fullest(classes[0]), _fullest(some), "run", bound) for some in classes[1:]]
    verdict, reason = _verdict(comparisons)
    return Group(
        cell=cell,
        runs=tuple(runs),
        classes=tuple(tuple(one.record.run.index for one in some) for some in classes),
        firsts=tuple(_fullest(some) for some in classes),
        comparisons=tuple(comparisons),
        verdict=verdict,
        reason=reason,
    )


def _classes(runs: Sequence[Stored]) -> list[list[Stored]]:
    """Runs by results and by the weights on the way. A run that did not keep its way is with the first of its result
    that did: a trace level that keeps less splits no class, and joins none either."""
    ways = [_ways(one) for one in runs]
    results = [one.record.outcome.result_digest if one.record.outcome else None for one in runs]
    known: dict[tuple[object, int], object] = {}
    for result, way in zip(results, ways, strict=True):
        for number, kind in enumerate(way):
            if kind is not None:
                known.setdefault((result, number), kind)
    found: dict[tuple[object, ...], list[Stored]] = {}
    for one, result, way in zip(runs, results, ways, strict=True):
        kinds = [known.get((result, at)) if kind is None else kind for at, kind in enumerate(way)]
        found.setdefault((result, *kinds), []).append(one)
    return list(found.values())


def _fullest(runs: Sequence[Stored]) -> Stored:
    """The first of those that kept most of the way."""
    return max(runs, key=lambda one: sum(kind is not None for kind in _ways(one)))


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
