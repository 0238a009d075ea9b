"""`bench show`: a record, and the command that repeats it."""

import argparse

from bench.cli import compare, options, refusals
from bench.records import Record
from bench.store import Refused, Store, Stored

HELP = "show a record and the command that repeats its run; `--list` shows all records"
EXAMPLE = "bench show mlp/theano-cpu/numpy/native/default:0"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", metavar="RUN", help="a record's digest (or its beginning), or CELL:INDEX")
    parser.add_argument("--list", action="store_true", help="one line a record")
    parser.add_argument("--output", action="store_true", help="also what the guest printed last")
    options.add_store(parser)


def command(arguments: argparse.Namespace) -> int:
    found = list(Store.existing(arguments.store).scan())
    stored = [one for one in found if isinstance(one, Stored)]
    if arguments.list or arguments.run is None:
        for one in sorted(stored, key=lambda one: one.record.started):
            run = one.record.run
            print(f"{one.digest[:12]}  {one.record.status:11}  {run.campaign}  {run.cell} run {run.index}")
        return refusals.told(one for one in found if isinstance(one, Refused))
    one = compare.find(found, arguments.run)
    print("\n".join(lines(one)))
    if arguments.output:
        print(one.record.output_tail)
    return 0


def lines(one: Stored) -> list[str]:
    """A record as text."""
    record = one.record
    run, outcome = record.run, record.outcome
    found = [
        f"record    {one.digest}",
        f"cell      {run.cell}, run {run.index}, campaign {run.campaign}",
        f"seeds     {', '.join(f'{name} {value}' for name, value in run.seeds.items())}",
        f"status    {record.status}" + (f": {record.reason}" if record.reason else ""),
        f"machine   {run.machine.label}",
        f"stack     {run.stack}",
        f"time      {record.started} to {record.ended}",
    ]
    found += [f"{key:9} {_text(value)}" for key, value in record.executor.items() if value is not None]
    if outcome is not None:
        found += [f"control   {one.name} = {one.asked}: {one.state} ({one.evidence})" for one in outcome.controls]
        found += [f"versions  {', '.join(f'{name} {value}' for name, value in outcome.framework.items())}"]
        found += [
            f"score {number:<3} {repeat.score_value:.12g}  {repeat.score}"
            for number, repeat in enumerate(outcome.repeats, start=1)
        ]
        found += [f"result    {outcome.result_digest}"] + ([outcome.traceback] if outcome.traceback else [])
    return [*found, "", "repeat it with", f"  {repeat_command(record)}"]


def _text(value: object) -> str:
    return ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else str(value)


def repeat_command(record: Record) -> str:
    """The command that makes a run like this one: a new campaign, so that nothing is resumed."""
    run = record.run
    executor = "" if record.executor.get("name") == "docker" else f" --executor {record.executor.get('name')}"
    emulation = record.fingerprint.hardware.get("emulation") if record.fingerprint else None
    return (
        f"bench run --all --only '{run.cell}' --seeds {run.seeds['numpy']} --runs {run.index + 1} "
        f"--campaign again{executor}" + (f" --emulate {emulation}" if emulation else "")
    )
