"""`bench claim`: who produces the numbers that somebody printed."""

import argparse
from pathlib import Path

from bench import claim, placement
from bench.claim import Candidate, Claim
from bench.cli import options, refusals
from bench.distance import digits_text
from bench.errors import UsageError, worst_exit
from bench.store import Store, Stored

HELP = "say which cells and machines produce given numbers: exactly as printed, to how many digits, or as a draw"
EXAMPLE = "bench claim 0.169326527063 2.75750621228e-05 --store results"

#: Cells that do not produce the numbers are listed up to here; more are counted.
LISTED = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="scores as they were printed, in order")
    parser.add_argument("--file", type=Path, metavar="FILE", help="numbers, apart by blanks, commas or lines")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cells whose id matches")
    options.add_store(parser)


def command(arguments: argparse.Namespace) -> int:
    texts = list(arguments.numbers)
    if arguments.file is not None:
        try:
            texts.append(arguments.file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{arguments.file}: {error}; a text file of numbers is needed") from None
    numbers = claim.parse(texts)
    found = list(Store.existing(arguments.store).scan())
    refused = [one for one in found if not isinstance(one, Stored)]
    result = claim.check((one for one in found if isinstance(one, Stored)), numbers, arguments.only)
    print("\n".join(lines(result)))
    return worst_exit([0 if result.produced else 1, refusals.told(refused)])


def lines(result: Claim) -> list[str]:
    """The answer as text: who produces the numbers, how each place compares, who comes closest."""
    runs = sum(one.runs for one in result.candidates)
    found = [f"{len(result.numbers)} numbers against {runs} runs in {len(result.candidates)} cells and machines"]
    if result.shorter:
        found.append(f"{result.shorter} runs have fewer scores than that and are left out")
    good = [one for one in result.candidates if one.produces]
    other = [one for one in result.candidates if not one.produces]
    for one in good:
        found += [f"{one.answer}  {_name(one, result)}", f"  {_sentence(one)}", *_table(one)]
    if not good:
        found.append("No cell in this store produces them.")
    for one in other[:LISTED]:
        found.append(f"not {_name(one, result)}: {_sentence(one)}")
    if len(other) > LISTED:
        found.append(f"not {len(other) - LISTED} more")
    closest = result.closest
    if closest is not None:
        digits = f"to {_digits(closest.digits)}"
        found.append(f"closest: a run of {_name(closest, result)}, {digits} at its worst position")
        found += [] if closest in good else _table(closest)
    return found


def _name(one: Candidate, result: Claim) -> str:
    """Cell and machine, and the seeds and stack where the store has several of them."""
    same = [other for other in result.candidates if (other.cell, other.machine) == (one.cell, one.machine)]
    seeds = f", seed {one.seeds['numpy']}" if len({str(other.seeds) for other in same}) > 1 and one.seeds else ""
    stack = f", stack {one.stack[:8]}" if len({other.stack for other in same}) > 1 else ""
    return f"{one.cell} on {one.machine}{seeds}{stack}"


def _digits(value: float) -> str:
    return "all printed digits" if value == float("inf") else f"{digits_text(value)} digits"


def _sentence(one: Candidate) -> str:
    """What the runs of a candidate show, and no more."""
    found, total = one.placement, len(one.placement.positions)
    if one.printing:
        return f"{one.printing} of {one.runs} runs print exactly these numbers"
    if not found.varied:
        alike = "one run" if one.runs == 1 else f"{one.runs} runs that print alike"
        return f"{alike}, {_digits(one.digits)} at the worst of {total} positions"
    text = f"in the range of {found.runs} runs at {found.inside} of {total} positions; "
    if found.runs >= placement.ENOUGH:
        rare = ", so that it would be a rare draw" if not found.typical else ""
        return text + f"{found.farther} of {found.runs} runs lie as far out or farther (p = {found.p:.2g}){rare}"
    return text + (
        f"{found.runs} runs are too few to tell a rare draw ({placement.ENOUGH} could); at every position they "
        f"would hold one more run of the cell with a chance of {100 * found.chance:.2g} %"
    )


def _table(one: Candidate) -> list[str]:
    """Position by position; z is on the log scale."""
    head = f"  {'fit':>3}  {'claimed':<18} {'first run':<18} {'digits':>6}"
    varied = one.placement.varied
    rows = [head + (f"  {'lowest':<12} {'highest':<12} {'z':>6}" if varied else "")]
    for number, position in enumerate(one.placement.positions, start=1):
        digits = "all" if position.same_print else digits_text(position.digits)
        row = f"  {number:3}  {position.published:<18.12g} {position.ours:<18.12g} {digits:>6}"
        if varied:
            z = "" if position.z is None else f"{position.z:+.2f}"
            row += f"  {position.lowest:<12.6g} {position.highest:<12.6g} {z:>6}"
        rows.append(row)
    return rows
