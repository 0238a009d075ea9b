"""The verdict matrix of the report: cells x machines, one verdict for each scope."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.analysis import Analysis
from bench.comparison import Verdict
from bench.groups import Group
from bench.report import slugs
from bench.report.cells import Names, name_of

SCOPES = ("run", "machine", "backend", "control", "night", "published")
#: From the best to the worst, which stands for several; INCOMPARABLE says least, so that it hides none.
RANK: tuple[Verdict, ...] = ("INCOMPARABLE", "IDENTICAL", "ROUNDING", "DIFFERENT", "ERROR")

#: (cell, machine, scope, verdict)
Verdicts = Iterator[tuple[str, str, str, Verdict]]


@dataclass(frozen=True, kw_only=True)
class OverviewRow:
    """One cell: for each of SCOPES the machines' verdicts, in the order of the page's machines; `` where there is
    none, `one run` where a run is alone."""

    cell: str
    href: str
    runs: int
    verdicts: tuple[tuple[str, ...], ...]


def rows(analysis: Analysis, machines: Sequence[str], names: Names) -> tuple[OverviewRow, ...]:
    """Every cell of the campaign, and of other tools' subjects each."""
    columns = {name: number for number, name in enumerate(machines)}
    found: dict[str, list[list[str]]] = {}
    runs: dict[str, int] = {}
    for group in analysis.groups:
        cell = str(group.cell)
        found.setdefault(cell, [[""] * len(machines) for _ in SCOPES])
        runs[cell] = runs.get(cell, 0) + len(group.runs)
        if len(group.runs) < 2:
            found[cell][0][columns[name_of(group, names)]] = "one run"
    for cell, machine, scope, verdict in _all(analysis, names):
        if machine in columns:
            places = found.setdefault(cell, [[""] * len(machines) for _ in SCOPES])[SCOPES.index(scope)]
            places[columns[machine]] = _worse(places[columns[machine]], verdict)
    hrefs = slugs.hrefs("cells", sorted(found))
    return tuple(
        OverviewRow(
            cell=cell,
            href=hrefs[cell] if cell in runs else "",
            runs=runs.get(cell, 0),
            verdicts=tuple(tuple(places) for places in found[cell]),
        )
        for cell in sorted(found)
    )


def _worse(known: str, verdict: Verdict) -> str:
    known_verdicts = [one for one in RANK if one == known]
    return max([*known_verdicts, verdict], key=RANK.index)


def _all(analysis: Analysis, names: Names) -> Verdicts:
    for group in analysis.groups:
        if len(group.runs) > 1:
            yield str(group.cell), name_of(group, names), "run", group.verdict
    for pair in analysis.backends:
        for side in (pair.left.record.run, pair.right.record.run):
            yield side.cell, names[side.machine.label, side.machine.hardware], "backend", pair.verdict
    for switch in analysis.switches:
        yield from _both((switch.base, switch.other), "control", switch.comparison.verdict, names)
    for one in analysis.published:
        yield str(one.group.cell), name_of(one.group, names), "published", one.verdict
    yield from _across(analysis)
    yield from _nights(analysis)


def _both(groups: Iterable[Group], scope: str, verdict: Verdict, names: Names) -> Verdicts:
    for group in groups:
        yield str(group.cell), name_of(group, names), scope, verdict


def _across(analysis: Analysis) -> Verdicts:
    """A machine is IDENTICAL where all that have the subject are one class, and else where it is in the largest class
    and not alone there; classes are about digests, so ROUNDING is never given here."""
    for split in analysis.splits:
        cell = split.subject.partition(" seeds ")[0]
        for number, one in enumerate(split.classes):
            agrees = number == 0 and len(one.machines) > 1
            for machine in one.machines:
                yield cell, machine, "machine", "IDENTICAL" if agrees else "DIFFERENT"
        for machine in split.unrepeatable:
            yield cell, machine, "machine", "DIFFERENT"


def _nights(analysis: Analysis) -> Verdicts:
    """This campaign beside the one before on the same machine; none where neither repeats."""
    for one in analysis.nights:
        if one.repeats:
            cell = one.subject.partition(" seeds ")[0]
            yield cell, one.machine, "night", "IDENTICAL" if one.results == "same" else "DIFFERENT"
