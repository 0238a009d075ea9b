"""`bench gate`: whether a campaign is as `expect:` declares, a sentence for each breach, and an exit code for CI."""

import argparse
import datetime as dt
import shlex
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from bench import baseline, classes
from bench.analysis import Analysis
from bench.bound import TIERS
from bench.cli import options, refusals, report, run
from bench.cli.options import printable
from bench.errors import UsageError, worst_exit
from bench.judgement import NOT_JUDGED, Judged
from bench.report import junit, page
from bench.store import Store

HELP = "hold a campaign against `expect:` of the matrix and the baseline; exit 1 and a sentence for each breach"
EXAMPLE = "bench gate --store team --campaign 2026-12-01 --junit gate.xml"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_store(parser)
    options.add_campaign(parser)
    options.add_matrix(parser)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cells whose id matches")
    options.add_baseline(parser)
    parser.add_argument("--junit", type=Path, metavar="FILE", help="also write JUnit XML there")


def command(arguments: argparse.Namespace) -> int:
    return gate(arguments, options.today())


def gate(arguments: argparse.Namespace, today: dt.date) -> int:
    """The command on a day: known exceptions run out."""
    matrix = options.read_matrix(arguments)
    store = Store.existing(arguments.store)
    known = baseline.read(arguments.baseline)
    found, blobs = report.analysed(store, matrix, campaign=arguments.campaign, only=arguments.only, known=known)
    _check(arguments.only, found)
    for line in lines(found, arguments.store, today):
        print(printable(line))
    for line in pasts(found, arguments.baseline, known is not None):
        print(printable(line))
    if arguments.junit is not None:
        try:
            arguments.junit.parent.mkdir(parents=True, exist_ok=True)
            arguments.junit.write_text(junit.render(page.build(found, blobs), today), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--junit {arguments.junit}: {error.strerror}; give the path of a file") from None
    failed = [run.code(record) for record in found.not_ok]
    return worst_exit([1 if found.breaches(today) else 0, *failed, refusals.told(found.refused)])


def _check(only: Iterable[str], found: Analysis) -> None:
    """A pattern that selects nothing would be green for ever."""
    cells = {str(group.cell) for group in found.groups} | {record.run.cell for record in found.not_ok}
    for pattern in only:
        subjects = any(classes.meant(one.subject, [pattern]) for one in found.splits)
        if not subjects and not any(fnmatchcase(cell, pattern) for cell in cells):
            raise UsageError(
                f"--only {pattern!r}: matches no cell of campaign {found.campaign}; `bench show --list` names them"
            )


def lines(found: Analysis, store: Path, today: dt.date) -> list[str]:
    """A line a tier, then what somebody must do something about."""
    said = [f"campaign {found.campaign}", *(summary(tier, found.judged, today) for tier in TIERS)]
    for one in found.judged:
        if one.breach(today):
            said += [breach(one, today), *_look(one, store)]
    for one in found.judged:
        if one.excused(today):
            said.append(f"known until {one.expectation.until} ({one.expectation.reason}): {_of(one)}: {one.seen}")
        elif one.state == "changed":
            said += [f"changed: {one.subject}: {one.seen}", *_bless(one, store)]
    said += _removable(found.judged)
    return [*said, *_not_ok(found)]


def _not_ok(found: Analysis) -> list[str]:
    """Runs that are not ok, a line for each reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for record in found.not_ok:
        reasons.setdefault((record.status, record.reason or "no reason is recorded"), []).append(record.run.cell)
    said = []
    for (status, reason), cells in reasons.items():
        named = sorted(set(cells))
        of = named[0] if len(named) == 1 else f"{len(named)} cells, such as {named[0]}"
        said.append(f"{status}: {len(cells)} {'run' if len(cells) == 1 else 'runs'} of {of}: {reason}")
    return said


def summary(tier: str, judged: Iterable[Judged], today: dt.date) -> str:
    """`exact        40 of 41 hold, 1 breach, 2 unavailable`."""
    mine = [one for one in judged if one.expectation.at_least.tier == tier]
    real = [one for one in mine if one.state not in NOT_JUDGED]
    breaches = sum(one.breach(today) for one in real)
    parts = [f"{sum(one.holds for one in real)} of {len(real)} hold" if real else "nothing to judge"]
    parts += [f"{breaches} {'breach' if breaches == 1 else 'breaches'}"] if breaches else []
    excused = sum(one.excused(today) for one in real)
    parts += [f"{excused} known"] if excused else []
    parts += [f"{count} {state}" for state in NOT_JUDGED if (count := sum(one.state == state for one in mine))]
    return f"{tier:<12} {', '.join(parts)}"


def _of(one: Judged) -> str:
    return f"{one.subject}: {one.expectation.scope} at least {one.expectation.at_least}"


def breach(one: Judged, today: dt.date) -> str:
    """What, seen, wanted, as one sentence."""
    rule = one.expectation
    text = f"BREACH: {one.subject}: wanted {rule.at_least} at scope {rule.scope}, seen {one.seen}"
    if rule.until is not None and rule.until < today:
        text += f"; it was known ({rule.reason}) until {rule.until}, which is over"
    return text


def _look(one: Judged, store: Path) -> list[str]:
    """The calls that show a breach."""
    if len(one.records) == 2 and one.records[0] != one.records[1]:
        scope = "" if one.expectation.scope == "published" else f" --scope {one.expectation.scope}"
        left, right = (digest[:12] for digest in one.records)
        return [f"  bench compare {left} {right} --store {shlex.quote(str(store))}{scope}"]
    return [f"  bench show {digest[:12]} --store {shlex.quote(str(store))}" for digest in one.records[-1:]]


def _bless(one: Judged, store: Path) -> list[str]:
    """How the results of what changed become the baseline. Nothing was promised for it: that is no breach."""
    if one.expectation.scope != "night":
        return []
    part = one.subject.split(" on ")[0]
    pattern = part if "/" in part else f"*/{part}/*"
    return [f"  bench bless --reason TEXT --store {shlex.quote(str(store))} --only '{pattern}'"]


def _removable(judged: Iterable[Judged]) -> list[str]:
    """Known exceptions that are no longer needed, each once."""
    counts: dict[str, int] = {}
    for one in judged:
        if one.state == "removable":
            rule = one.expectation
            text = f"{rule.where}: {rule.scope} at least {rule.at_least}, until {rule.until} ({rule.reason})"
            counts[text] = counts.get(text, 0) + 1
    return [f"holds again, {count} of {count}; remove this exception: {text}" for text, count in counts.items()]


def pasts(found: Analysis, path: Path, there: bool) -> list[str]:
    """What has no past to be held against; no breach, and not silent either."""
    said = [] if there else [f"no baseline: {path} is not here; `bench bless --reason TEXT` makes it"]
    if found.gone:
        had = "1 cell that was" if len(found.gone) == 1 else f"{len(found.gone)} cells that were"
        said.append(f"gone: {had} there before has no run in this campaign, such as {found.gone[0]}")
    if found.new:
        cells = f"{len(found.new)} {'cell has' if len(found.new) == 1 else 'cells have'}"
        said.append(f"new: {cells} no baseline and no campaign before for their stack and machine class")
    return said
