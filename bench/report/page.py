"""Everything that the report shows, as plain values: built from an analysis, drawn by the other modules here."""

from dataclasses import dataclass
from typing import Any

from bench import fingerprints, history, machines
from bench.analysis import Analysis
from bench.comparison import VERDICTS
from bench.history import Change
from bench.judgement import Judged
from bench.records import Record
from bench.report import cells, environment, overview, pairs, statistics, switches, traces
from bench.report import machines as machine_views
from bench.report.cells import CellView, Names
from bench.report.environment import Blobs, EnvironmentView
from bench.report.machines import MachineView, SplitView
from bench.report.overview import OverviewRow
from bench.report.pairs import PairView, PrecisionView
from bench.report.statistics import ContrastView, VarianceView
from bench.report.switches import StateView, SwitchView
from bench.report.traces import Traces

#: So many keys of a night's change are shown; the rest is counted.
KEYS = 12


@dataclass(frozen=True, kw_only=True)
class ExpectationView:
    where: str
    scope: str
    at_least: str
    subject: str
    holds: bool
    seen: str
    tier: str
    state: str
    until: str
    reason: str
    records: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChangeView:
    """What became of one subject on one machine since the campaign before; `keys` are what else changed."""

    subject: str
    machine: str
    before: str
    results: str
    keys: tuple[str, ...]
    more: int
    records: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class NotOkView:
    """A run without a result, and why."""

    cell: str
    machine: str
    index: int
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Page:
    campaign: str
    machines: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    runs: int
    findings: tuple[str, ...]
    overview: tuple[OverviewRow, ...]
    changes: tuple[ChangeView, ...]
    nights: int
    cells: tuple[CellView, ...]
    pairs: tuple[PairView, ...]
    switches: tuple[SwitchView, ...]
    control_states: tuple[StateView, ...]
    yardsticks: tuple[str, ...]
    precision: tuple[PrecisionView, ...]
    contrasts: tuple[ContrastView, ...]
    variances: tuple[VarianceView, ...]
    splits: tuple[SplitView, ...]
    machine_views: tuple[MachineView, ...]
    expectations: tuple[ExpectationView, ...]
    environment_columns: tuple[str, ...]
    environment: tuple[EnvironmentView, ...]
    traces: Traces
    references: tuple[tuple[str, tuple[float, ...]], ...]
    not_ok: tuple[NotOkView, ...]
    refused: tuple[tuple[str, str, str], ...]

    def elsewhere(self, machine: str) -> bool:
        """Whether a row of a machine must name it; False only where the page is about that machine alone."""
        return self.machines != (machine,)

    def placed(self, cell: str, machine: str) -> str:
        """A cell or lane, and on which machine where that is not clear."""
        return f"{cell} on {machine}" if self.elsewhere(machine) else cell


def build(analysis: Analysis, blobs: Blobs) -> Page:
    """The page of an analysis. Nothing in it depends on when or where it is built."""
    verdicts = [group.verdict for group in analysis.groups if len(group.runs) > 1]  # one run is compared with nothing
    verdicts += [pair.verdict for pair in analysis.backends]
    names = _names(analysis)
    ours = {cells.name_of(group, names) for group in analysis.groups}
    shown = tuple(sorted({*ours, *(name for one in analysis.splits for name in one.machines)}))
    columns, rows = environment.views(analysis.groups, blobs, names)
    splits = tuple(machine_views.split(one) for one in analysis.splits)
    return Page(
        campaign=analysis.campaign,
        machines=shown,
        counts=tuple((verdict, verdicts.count(verdict)) for verdict in VERDICTS),
        runs=sum(len(group.runs) for group in analysis.groups),
        findings=tuple(one.sentence for one in analysis.findings),
        overview=overview.rows(analysis, shown, names),
        changes=tuple(_change(one) for one in analysis.nights if one.results != "same" or one.keys),
        nights=len(analysis.nights),
        cells=cells.views(analysis, names),
        pairs=tuple(pairs.view(number, pair, names) for number, pair in enumerate(analysis.backends, start=1)),
        switches=tuple(switches.view(one, names) for one in analysis.switches),
        control_states=switches.states(analysis.groups),
        yardsticks=tuple(sorted({str(one.yardstick.cell) for one in analysis.precision})),
        precision=tuple(pairs.precision(one, names) for one in analysis.precision),
        contrasts=tuple(statistics.contrast(one) for one in analysis.contrasts),
        variances=tuple(statistics.variance(one) for one in analysis.variances),
        splits=splits,
        machine_views=machine_views.views(shown, _fingerprints(analysis, names), splits),
        expectations=tuple(_expectation(one) for one in analysis.judged),
        environment_columns=columns,
        environment=rows,
        traces=traces.traces(analysis.groups, blobs, names),
        references=tuple((one.lane, one.scores) for one in analysis.references),
        not_ok=tuple(_not_ok(record, names) for record in analysis.not_ok),
        refused=tuple((one.kind, one.name, one.reason) for one in analysis.refused),
    )


def _names(analysis: Analysis) -> Names:
    """How each machine is called: those with results as the index calls them, the others told apart from them."""
    names = machines.names(analysis.places)
    failed = {(one.run.machine.label, one.run.machine.hardware) for one in analysis.not_ok}
    return {**machines.names({*names, *failed}), **names}


def _expectation(one: Judged) -> ExpectationView:
    expectation = one.expectation
    return ExpectationView(
        where=expectation.where,
        scope=expectation.scope,
        at_least=str(expectation.at_least),
        subject=one.subject,
        holds=one.holds,
        seen=one.seen,
        tier=expectation.at_least.tier,
        state="known" if one.fails and expectation.until else one.state,
        until=expectation.until.isoformat() if expectation.until else "",
        reason=expectation.reason or "",
        records=one.records,
    )


def _not_ok(record: Record, names: Names) -> NotOkView:
    return NotOkView(
        cell=record.run.cell,
        machine=cells.machine_of(record, names),
        index=record.run.index,
        status=record.status,
        reason=record.reason or "",
    )


def _change(one: Change) -> ChangeView:
    lines = history.brief(one.keys)
    return ChangeView(
        subject=one.subject,
        machine=one.machine,
        before=one.before,
        results=one.results,
        keys=lines[:KEYS],
        more=len(lines) - len(lines[:KEYS]),
        records=one.records,
    )


def _fingerprints(analysis: Analysis, names: Names) -> dict[str, Any]:
    """The keys of each machine: those of the index, or of a campaign's own runs where no index was needed."""
    found: dict[str, Any] = dict(analysis.fingerprints)
    for group in analysis.groups:
        name = cells.name_of(group, names)
        if name not in found:
            found[name] = fingerprints.keys(group.first.record, {})
    return found
