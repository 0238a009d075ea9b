"""From a store of records to everything a report or a gate needs: the whole consuming half, in one direction."""

import dataclasses
import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench import (
    classes,
    distributions,
    expectations,
    findings,
    groups,
    history,
    precision,
    published,
    switches,
    variance,
    where,
)
from bench.baseline import Baseline
from bench.bound import Bound
from bench.cell import selected
from bench.changes import Changes, Differing
from bench.classes import Split
from bench.comparison import Comparison, compare
from bench.distributions import Contrast
from bench.errors import BenchError, RefusedInput, UsageError
from bench.findings import Finding
from bench.groups import Group
from bench.history import Change
from bench.index import Index
from bench.judgement import Judged
from bench.matrix import Expectation, Matrix
from bench.nights import Nights
from bench.precision import Precision
from bench.published import PublishedComparison, Reference
from bench.records import Record
from bench.store import Refused, Stored
from bench.switches import Switch
from bench.variance import Variance


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Everything that one campaign's records say; `splits` are about all campaigns of a store that has several
    machines, since a machine's own campaign has its own name. `nights` hold the campaign beside the one before;
    `places` are all machines of the store that have a result, and `fingerprints` has the latest keys of each by its
    name. `new` are groups of which a night is expected and that have no past to be held against, `gone` what the past
    has and this campaign has not."""

    campaign: str
    groups: tuple[Group, ...]
    backends: tuple[Comparison, ...]
    switches: tuple[Switch, ...]
    published: tuple[PublishedComparison, ...]
    references: tuple[Reference, ...]
    precision: tuple[Precision, ...]
    splits: tuple[Split, ...]
    nights: tuple[Change, ...]
    fingerprints: Mapping[str, Mapping[str, str]]
    places: frozenset[tuple[str, str]]
    gone: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    variances: tuple[Variance, ...]
    judged: tuple[Judged, ...]
    new: tuple[Group, ...]
    findings: tuple[Finding, ...]
    not_ok: tuple[Record, ...]
    refused: tuple[Refused, ...]

    def breaches(self, today: dt.date) -> tuple[Judged, ...]:
        """What is broken and not excused on a day."""
        return tuple(one for one in self.judged if one.breach(today))


def analyse(
    found: Iterable[Stored | Refused],
    matrix: Matrix,
    references: Mapping[str, Reference],
    *,
    campaign: str | None = None,
    only: Sequence[str] = (),
    index: Callable[[], Index] | None = None,
    baseline: Baseline | None = None,
    observed: bool = False,
) -> Analysis:
    """Analyses one campaign (the latest unless named); UsageError if the store has nothing of it.

    `index` gives the store's index; it is asked only if there are several machines or campaigns, or observations
    (`observed`), which belong to no campaign; or if a stack changed, to name what changed in it. A night is held
    against the `baseline`, and without an entry there against the campaign before.
    """
    everything = list(found)
    refused = tuple(one for one in everything if isinstance(one, Refused))
    stored = [one for one in everything if isinstance(one, Stored)]
    campaigns = sorted({one.record.run.campaign for one in stored})
    campaign = _latest(stored) if campaign is None else campaign
    wide = _wide(index, stored, campaign, only, observed=observed)
    if campaign not in campaigns and not (wide.splits and campaign is None):
        raise _nothing(campaign, campaigns, refused)
    chosen = [one for one in stored if one.record.run.campaign == campaign and selected(one.record.run.cell, only)]
    run_groups = groups.group(chosen, _bounds(matrix, "run"))
    pairs = backend_pairs(run_groups, _bounds(matrix, "backend"))
    switched = switches.switches(run_groups, _bounds(matrix, "control"))
    lanes = _published(run_groups, matrix, references)
    errors = precision.measure(run_groups, matrix.file.yardstick)
    contrasts = distributions.contrasts(run_groups)
    variances = variance.shares(run_groups)
    past = Nights(stored, baseline)
    not_ok = _unresolved([one.record for one in chosen])
    compared = (*pairs, *(one.comparison for one in switched))
    changes = Changes(differing=_differing(index) if index is not None else lambda *_: ())
    rules = _meant(matrix, stored, only)
    judged = expectations.judge(rules, run_groups, compared, lanes, nights=past, not_ok=not_ok, changes=changes)
    return Analysis(
        campaign=campaign or "of other tools",
        groups=run_groups,
        backends=pairs,
        switches=switched,
        published=lanes,
        references=tuple(one for _, one in sorted(references.items())),
        precision=errors,
        contrasts=contrasts,
        variances=variances,
        splits=wide.splits,
        nights=wide.nights,
        fingerprints=wide.fingerprints,
        places=_places(stored),
        gone=_gone(past, run_groups, campaign, only),
        judged=judged,
        new=_new(matrix, run_groups, past),
        findings=findings.findings(run_groups, lanes, errors, contrasts, variances, wide.splits, switched),
        not_ok=not_ok,
        refused=refused,
    )


@dataclass(frozen=True, kw_only=True)
class _Wide:
    """What the index says beyond one campaign of one machine."""

    splits: tuple[Split, ...] = ()
    nights: tuple[Change, ...] = ()
    fingerprints: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def _wide(
    index: Callable[[], Index] | None,
    stored: Sequence[Stored],
    campaign: str | None,
    only: Sequence[str],
    *,
    observed: bool,
) -> _Wide:
    """Nothing where there is one machine and one campaign, and no observation: then the index is not asked."""
    campaigns = {one.record.run.campaign for one in stored}
    several = len(_machines(stored)) > 1 or not campaigns or observed
    if index is None or not (several or len(campaigns) > 1):
        return _Wide()
    found = index()
    nights = history.latest(found, campaign) if campaign is not None else ()
    return _Wide(
        splits=_splits(found, only) if several else (),
        nights=tuple(one for one in nights if classes.meant(one.subject, only)),
        fingerprints=classes.fingerprints(found),
    )


def _latest(stored: Sequence[Stored]) -> str | None:
    """The campaign of the latest run."""
    return max(stored, key=lambda one: one.record.started).record.run.campaign if stored else None


def _gone(past: Nights, groups: Sequence[Group], campaign: str | None, only: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in past.gone(groups, campaign) if selected(one.partition(" on ")[0], only))


def _places(stored: Sequence[Stored]) -> frozenset[tuple[str, str]]:
    """(label, hardware) of all machines that have a result, as the index knows them."""
    machines = (one.record.run.machine for one in stored if one.record.ok)
    return frozenset((one.label, str(one.hardware)) for one in machines)


def _meant(matrix: Matrix, stored: Sequence[Stored], only: Sequence[str]) -> list[Expectation]:
    """The expectations; where patterns select, none requires a cell that they leave out."""
    cells = {one.record.run.cell for one in stored} | {str(one.cell) for one in matrix.select()}
    chosen = [cell for cell in cells if selected(cell, only)]
    return [
        dataclasses.replace(one, required=one.required and any(where.speaks(one.where, cell) for cell in chosen))
        if only
        else one
        for one in matrix.expect
    ]


def _differing(index: Callable[[], Index]) -> Differing:
    """Tells two records' fingerprints apart by the index, as far as it has them."""

    def differing(left: str, right: str) -> tuple[history.KeyChange, ...]:
        found = index()
        known = dict(zip(found.runs["record"], found.runs["environment"], strict=True))
        sides = [found.environments.get(known.get(digest, "")) for digest in (left, right)]
        return history.differing(sides[0], sides[1]) if sides[0] and sides[1] else ()

    return differing


def _new(matrix: Matrix, run_groups: Sequence[Group], nights: Nights) -> tuple[Group, ...]:
    expected = [one.where for one in matrix.expect if one.scope == "night"]
    return tuple(
        group
        for group in run_groups
        if any(where.covers(pattern, group.first.record.run) for pattern in expected)
        and nights.past(group) is None
        and nights.replaced(group) is None
    )


def _nothing(campaign: str | None, campaigns: Sequence[str], refused: Sequence[Refused]) -> BenchError:
    """Why there is nothing to analyse: what was refused, where that is all there is."""
    if refused and not campaigns:
        first = refused[0]
        more = f"; and {len(refused) - 1} more" if len(refused) > 1 else ""
        return RefusedInput(f"{first.kind} {first.name[:12]}: {first.reason}{more}; nothing else is here")
    if campaign is None:
        return UsageError("no records, and no subject that several machines have observations of")
    return UsageError(f"campaign {campaign}: no records; the store has {', '.join(campaigns) or 'none'}")


def _machines(stored: Sequence[Stored]) -> set[tuple[str, str | None]]:
    """Labels and hardware digests of runs that are ok."""
    return {(one.record.run.machine.label, one.record.run.machine.hardware) for one in stored if one.record.ok}


def _splits(index: Index, only: Sequence[str]) -> tuple[Split, ...]:
    """Subjects of the chosen cells that several machines have runs of."""
    return tuple(one for one in classes.splits(index) if len(one.machines) > 1 and classes.meant(one.subject, only))


def _bounds(matrix: Matrix, scope: str) -> list[tuple[str, Bound]]:
    """Bounds that can make a verdict ROUNDING, in the order of matrix.yaml; the first that matches counts."""
    return [
        (one.where, one.at_least)
        for one in matrix.expect
        if one.scope == scope and one.at_least.kind in ("ulp", "digits")
    ]


def backend_pairs(run_groups: Sequence[Group], bounds: Sequence[tuple[str, Bound]]) -> tuple[Comparison, ...]:
    """First runs of each two backends that share all else: workload, seeding, seeds, init lane, preset, place."""
    found = []
    for left, right in itertools.combinations(run_groups, 2):
        same_cell = left.cell.replace(backend=right.cell.backend) == right.cell
        same_seeds = left.first.record.run.seeds == right.first.record.run.seeds
        if same_cell and same_seeds and left.cell.backend != right.cell.backend and left.place() == right.place():
            runs = left.first.record.run, right.first.record.run
            bound = next((bound for pattern, bound in bounds if all(where.covers(pattern, run) for run in runs)), None)
            pair = compare(left.first, right.first, "backend", bound)
            if pair.verdict == "IDENTICAL":  # two that agree by luck say nothing where a side has other results too
                strays = [(left.first, run) for run in right.firsts[1:]] + [
                    (run, right.first) for run in left.firsts[1:]
                ]
                pair = compare(*strays[0], "backend", bound) if strays else pair
            found.append(pair)
    return tuple(found)


def _published(
    run_groups: Sequence[Group], matrix: Matrix, references: Mapping[str, Reference]
) -> tuple[PublishedComparison, ...]:
    bounds = _bounds(matrix, "published")
    found = []
    for reference in matrix.references:
        for group in run_groups:
            if group.cell.matches(reference.where):
                bound = next(
                    (bound for pattern, bound in bounds if where.covers(pattern, group.first.record.run)), None
                )
                found.append(published.compare(group, references[reference.lane], bound))
    return tuple(found)


def _unresolved(records: Sequence[Record]) -> tuple[Record, ...]:
    """The last attempt of each run that never became ok. A run is that of one label and hardware; an attempt that never
    reached its machine knows no hardware, and any run of its label makes up for it. An ok run of another stack does so
    only if it came later: a new image that crashes is not made good by the one before."""

    def identity(record: Record, hardware: str | None) -> tuple[object, ...]:
        run = record.run
        return run.cell, tuple(sorted(run.seeds.items())), run.machine.label, hardware, run.index

    done: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        for hardware in (record.run.machine.hardware, None) if record.ok else ():
            done.setdefault(identity(record, hardware), []).append(record)

    def made_up(failed: Record, ok: Record) -> bool:
        return failed.run.stack in (None, ok.run.stack) or ok.started > failed.started

    last: dict[tuple[object, ...], Record] = {}
    for record in sorted(records, key=lambda record: record.started):
        key = identity(record, record.run.machine.hardware)
        if not record.ok and not any(made_up(record, ok) for ok in done.get(key, ())):
            last[key] = record
    return tuple(last[key] for key in sorted(last, key=str))
