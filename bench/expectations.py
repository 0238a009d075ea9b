"""What matrix.yaml declares under `expect:` held against what was seen; a breach is exit code 1."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench import drift, fleet, likeness
from bench.bound import Bound
from bench.changes import Changes
from bench.comparison import Comparison, compare
from bench.groups import Group, group
from bench.judgement import Judged, Names, describe, reaches, verdict
from bench.likeness import Candidate
from bench.matrix import Expectation
from bench.nights import Nights
from bench.published import PublishedComparison
from bench.records import Record
from bench.where import covers


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a campaign's records show, as far as expectations speak of it."""

    groups: Sequence[Group] = ()
    pairs: Sequence[Comparison] = ()
    published: Sequence[PublishedComparison] = ()
    nights: Nights | None = None
    not_ok: Sequence[Record] = ()


def judge(
    expectations: Sequence[Expectation],
    groups: Sequence[Group],
    pairs: Sequence[Comparison],
    published: Sequence[PublishedComparison],
    *,
    nights: Nights | None = None,
    not_ok: Sequence[Record] = (),
    changes: Changes | None = None,
) -> tuple[Judged, ...]:
    """Every expectation on everything that it speaks of, in the order of matrix.yaml; changed stacks come last.

    A known exception speaks for all: what it judges, no other expectation of its scope and bound judges again.
    """
    seen = Seen(groups=groups, pairs=pairs, published=published, nights=nights, not_ok=not_ok)
    runs = [*(one.first.record.run for one in groups), *(one.left.record.run for one in pairs)]
    names = Names([*runs, *(one.run for one in not_ok)])
    rows = [(one, list(_apply(one, seen, names))) for one in expectations]
    tested = iter(likeness.judge([row for _, some in rows for row in some if isinstance(row, Candidate)]))
    judged = [(one, [next(tested) if isinstance(row, Candidate) else row for row in some]) for one, some in rows]
    excepted = {_what(row) for one, some in judged if one.until is not None for row in some}
    found: list[Judged] = []
    changed = (changes or Changes()).of(expectations, groups, nights, names)
    for one, some in judged:
        if one.until is not None:
            found += _removable(some)
        else:
            found += [row for row in some if _what(row) not in excepted]
        # A changed stack excuses what it is about: a cell that is there, and not one that has no run.
        there = any(covers(one.where, each.first.record.run) for each in groups)
        if one.required and not some and not (there and any(row.expectation.scope == one.scope for row in changed)):
            found.append(_missing(one, seen))
        found += _absent(one, seen, names)
    return (*found, *changed)


def _what(row: Judged) -> tuple[str, Bound, str]:
    return row.expectation.scope, row.expectation.at_least, row.subject


def _removable(rows: Sequence[Judged]) -> list[Judged]:
    """A known exception's judgements; where all of them hold, it is no longer needed."""
    if not all(row.holds for row in rows):
        return list(rows)
    return [dataclasses.replace(row, state="removable") for row in rows]


def _missing(expectation: Expectation, seen: Seen) -> Judged:
    ok = any(covers(expectation.where, one.first.record.run) for one in seen.groups)
    what = "nothing to compare it with" if ok else "no run of it"
    return Judged(
        expectation=expectation, subject=expectation.where, state="breach", seen=f"required, but {what} is ok"
    )


def _absent(expectation: Expectation, seen: Seen, names: Names) -> Iterator[Judged]:
    """Cells that have no run to judge, or a run that failed, a line for each cell and reason."""
    there = {names.of(one.first.record.run) for one in seen.groups}
    said = set()
    for record in seen.not_ok:
        run = record.run
        failed = record.status in ("failed", "timeout")
        if not covers(expectation.where, run) or (not failed and names.of(run) in there):
            continue
        reason = f"{record.status}: {record.reason or 'no reason is recorded'}"
        if (names.of(run), reason) not in said:
            said.add((names.of(run), reason))
            yield Judged(
                expectation=expectation, subject=names.of(run), state="failed" if failed else "unavailable", seen=reason
            )


def _apply(expectation: Expectation, seen: Seen, names: Names) -> Iterable[Judged | Candidate]:
    rules: dict[str, Callable[[Expectation, Seen, Names], Iterable[Judged | Candidate]]] = {
        "run": _runs,
        "published": _published,
        "machine": _machines,
        "night": _nights,
    }
    return rules.get(expectation.scope, _pairs)(expectation, seen, names)


def _runs(expectation: Expectation, seen: Seen, names: Names) -> Iterator[Judged]:
    for one in seen.groups:
        if covers(expectation.where, one.first.record.run) and len(one.runs) > 1:
            yield _group(expectation, one, names)


def _group(expectation: Expectation, group: Group, names: Names) -> Judged:
    missed = next((pair for pair in group.comparisons if not reaches(pair, expectation.at_least)), None)
    worst = missed or group.comparisons[0]
    seen = f"{len(group.runs)} runs in {len(group.classes)} class{'es' if len(group.classes) > 1 else ''}"
    if missed:
        left, right = worst.left.record.run.index, worst.right.record.run.index
        seen += f"; run {left} against run {right}: {describe(worst)}"
    return Judged(
        expectation=expectation,
        subject=names.of(group.first.record.run),
        state=verdict(missed is None),
        seen=seen,
        records=(worst.left.digest, worst.right.digest),
    )


def _published(expectation: Expectation, seen: Seen, names: Names) -> Iterator[Judged]:
    bound = expectation.at_least
    for one in seen.published:
        if covers(expectation.where, one.group.first.record.run):
            digits = bool(one.positions) and bound.kind == "digits" and one.min_digits >= bound.limit
            said = one.reason or f"{one.verdict}, {one.min_digits:.1f} digits at the worst position"
            yield Judged(
                expectation=expectation,
                subject=names.of(one.group.first.record.run, one.lane),
                state=verdict(one.verdict == "IDENTICAL" or digits),
                seen=said,
                records=(one.group.first.digest,),
            )


def _pairs(expectation: Expectation, seen: Seen, names: Names) -> Iterator[Judged | Candidate]:
    """Backends, or a preset beside `default`."""
    of = {run.digest: one for one in seen.groups for run in one.runs}
    for pair in seen.pairs:
        runs = pair.left.record.run, pair.right.record.run
        if pair.scope != expectation.scope or not all(covers(expectation.where, run) for run in runs):
            continue
        subject = names.of(runs[0], runs[1].cell)
        if expectation.at_least.tier == "statistical":
            sides = [(of.get(one.digest) or group([one])[0],) for one in (pair.left, pair.right)]
            yield Candidate(expectation=expectation, subject=subject, left=sides[0], right=sides[1])
        else:
            missed = next((one for one in _strays(pair, of) if not reaches(one, expectation.at_least)), None)
            worst = missed or pair
            yield Judged(
                expectation=expectation,
                subject=subject,
                state=verdict(missed is None),
                seen=describe(worst),
                records=(worst.left.digest, worst.right.digest),
            )


def _strays(pair: Comparison, of: Mapping[str, Group]) -> Iterator[Comparison]:
    """A pair, and the first run of every other class of either side against the other: two that happen to agree say
    nothing where a side has other results too."""
    yield pair
    left, right = of.get(pair.left.digest), of.get(pair.right.digest)
    for run in right.firsts[1:] if right else ():
        yield compare(pair.left, run, pair.scope, pair.bound)
    for run in left.firsts[1:] if left else ():
        yield compare(run, pair.right, pair.scope, pair.bound)


def _machines(expectation: Expectation, seen: Seen, names: Names) -> Iterator[Judged | Candidate]:
    if expectation.at_least.tier != "statistical":
        yield from fleet.judge(expectation, seen.groups, names)
        return
    for one in fleet.fleets(seen.groups, expectation.where):
        for some in one.stacks:
            for other in some[1:]:
                runs = some[0].first.record.run, other.first.record.run
                yield Candidate(expectation=expectation, subject=names.across(runs), left=(some[0],), right=(other,))


def _nights(expectation: Expectation, seen: Seen, names: Names) -> Iterator[Judged | Candidate]:
    for one in seen.groups if seen.nights else ():
        past = seen.nights.past(one) if seen.nights and covers(expectation.where, one.first.record.run) else None
        if past is None or seen.nights is None:
            continue
        subject = names.of(one.first.record.run)
        if expectation.at_least.tier != "statistical":
            yield drift.judge(expectation, subject, one, past, seen.nights.records)
        elif past.runs:
            yield Candidate(expectation=expectation, subject=subject, left=group(past.runs), right=(one,))
        else:
            text = f"not enough runs: none of those of {past.origin} is in this store, and a baseline has no scores"
            yield Judged(expectation=expectation, subject=subject, state="few", seen=text, records=(one.first.digest,))
