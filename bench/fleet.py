"""The same cell and seeds on several machines with the same stack."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import index
from bench.comparison import compare
from bench.groups import Group
from bench.judgement import Judged, Names, describe, reaches, verdict
from bench.matrix import Expectation
from bench.where import covers


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """One cell's groups with the same seeds, by stack; of one stack each machine has one, in order of its name."""

    stacks: tuple[tuple[Group, ...], ...]


def fleets(groups: Sequence[Group], where: str = "*") -> tuple[Fleet, ...]:
    """Every cell that several machines have runs of, of those that a pattern covers."""
    found: dict[tuple[object, ...], dict[str, list[Group]]] = {}
    for group in groups:
        run = group.first.record.run
        if covers(where, run):
            cell = run.cell, tuple(sorted(run.seeds.items()))
            found.setdefault(cell, {}).setdefault(str(run.stack), []).append(group)
    return tuple(
        Fleet(stacks=tuple(tuple(sorted(some, key=Group.place)) for _, some in sorted(by_stack.items())))
        for by_stack in found.values()
        if len({group.place() for some in by_stack.values() for group in some}) > 1
    )


def judge(expectation: Expectation, groups: Sequence[Group], names: Names) -> Iterator[Judged]:
    """An exact or bounded expectation of scope `machine`: the first run of every class of every machine against the
    first machine's first run, as the runs of one cell are held against the first of them."""
    for fleet in fleets(groups, expectation.where):
        for some in fleet.stacks:
            if len(some) > 1:
                yield _judge(expectation, some, names)


def _judge(expectation: Expectation, groups: Sequence[Group], names: Names) -> Judged:
    first, *firsts = (run for group in groups for run in group.firsts)
    pairs = [compare(first, run, "machine") for run in firsts]
    whole = [run for run in (first, *firsts) if run.record.outcome and index.way(run.record.outcome)]
    if whole and whole[0] is not first:  # the first kept less than these, which may part on the way
        pairs += [compare(whole[0], run, "machine") for run in whole[1:]]
    missed = next((pair for pair in pairs if not reaches(pair, expectation.at_least)), None)
    runs = sum(len(group.runs) for group in groups)
    equal = all(pair.verdict == "IDENTICAL" for pair in pairs)
    seen = f"{runs} runs on {len(groups)} machines" + (" in one class" if equal else "")
    worst = missed or pairs[0]
    if missed or not equal:
        left, right = worst.left.record.run, worst.right.record.run
        seen += (
            f"; run {left.index} on {names.machine(left)} against run {right.index} on {names.machine(right)}: "
            + describe(worst)
        )
    return Judged(
        expectation=expectation,
        subject=names.across(group.first.record.run for group in groups),
        state=verdict(missed is None),
        seen=seen,
        records=(worst.left.digest, worst.right.digest),
    )
