"""`bench bless`: the present results become the baseline, with when and why."""

import argparse
import datetime as dt
from collections.abc import Sequence

from bench import baseline, groups
from bench.baseline import Baseline, Entry
from bench.cell import selected
from bench.cli import options, refusals
from bench.cli.options import printable
from bench.errors import UsageError
from bench.store import Refused, Store, Stored

HELP = "record the results of a campaign as the baseline of `bench gate`, with the day and the reason"
EXAMPLE = "bench bless --reason 'Keras 3.16' --store team --only '*/tf-cpu/*'"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why these results are right")
    options.add_store(parser)
    options.add_campaign(parser)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cells whose id matches")
    options.add_baseline(parser)


def command(arguments: argparse.Namespace) -> int:
    return bless(arguments, options.today())


def bless(arguments: argparse.Namespace, today: dt.date) -> int:
    """The command on a day. Nothing is blessed beside a record that cannot be trusted: it may be of the same cell."""
    if not arguments.reason.strip():
        raise UsageError("--reason: empty; say why these results are right")
    if not arguments.reason.isprintable():
        raise UsageError(
            f"--reason {arguments.reason!a}: has characters that cannot be printed; write it in plain text"
        )
    found = list(Store.existing(arguments.store).scan())
    refused = [one for one in found if isinstance(one, Refused)]
    if refused:
        code = refusals.told(refused)
        print(f"nothing blessed: mend or remove what was refused in {arguments.store} first")
        return code
    chosen = _chosen([one for one in found if isinstance(one, Stored)], arguments.campaign, arguments.only)
    known = baseline.read(arguments.baseline)
    runs = [run for some in groups.gather(chosen) for run in some]
    new = baseline.entries(runs, when=today, why=arguments.reason.strip())
    baseline.write(arguments.baseline, baseline.merged(known, new))
    for line in lines(new, known):
        print(printable(line))
    print(f"baseline: {arguments.baseline}")
    return 0


def _chosen(stored: Sequence[Stored], campaign: str | None, only: Sequence[str]) -> list[Stored]:
    """The ok runs of one campaign, the latest unless named; UsageError if there are none."""
    if campaign is None and stored:
        campaign = max(stored, key=lambda one: one.record.started).record.run.campaign
    mine = [one for one in stored if one.record.ok and one.record.run.campaign == campaign]
    found = [one for one in mine if selected(one.record.run.cell, only)]
    if not found:
        names = ", ".join(sorted({one.record.run.campaign for one in stored})) or "none"
        which = f"{len(mine)} runs that are ok, none of a cell of --only" if mine else "no runs that are ok"
        raise UsageError(f"campaign {campaign}: {which}; the store has the campaigns {names}")
    return found


def lines(new: Sequence[Entry], known: Baseline | None) -> list[str]:
    """What is new, what is as it was, and each result that changed."""
    before = {one.key: one for one in (known.entries if known else ())}
    changed = [one for one in new if one.key in before and _results(one) != _results(before[one.key])]
    added = sum(one.key not in before for one in new)
    return [
        f"blessed {len(new)}: {added} new, {len(changed)} changed, {len(new) - added - len(changed)} as they were",
        *(
            f"  {one.subject} on {', '.join(one.machines)}: {_classes(before[one.key])} -> {_classes(one)}"
            for one in changed
        ),
    ]


def _results(entry: Entry) -> list[tuple[str, str | None]]:
    return [(one.result, one.way) for one in entry.classes]


def _classes(entry: Entry) -> str:
    first = entry.classes[0].result[:12]
    return first if len(entry.classes) == 1 else f"{len(entry.classes)} classes in {entry.runs} runs"
