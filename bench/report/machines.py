"""What the report shows of machines: their fingerprints, the classes that they are in, who agrees with them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench import explanation
from bench.classes import Split
from bench.report import slugs


@dataclass(frozen=True, kw_only=True)
class SplitView:
    """One subject's classes over all machines: (number, runs, machines, a record's digest), and what explains them."""

    subject: str
    classes: tuple[tuple[int, int, tuple[str, ...], str], ...]
    unrepeatable: tuple[str, ...]
    explanations: tuple[str, ...]
    suspects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Membership:
    """One subject on one machine: `number` of its class (0: its runs do not agree with each other) of so many, and the
    machines that are in it too."""

    subject: str
    number: int
    of: int
    others: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MachineView:
    """A machine: `facts` are the keys of its fingerprint that are about hardware and system; `agreement` counts, for
    each other machine, the subjects that both have and those in one class."""

    name: str
    href: str
    facts: tuple[tuple[str, str], ...]
    memberships: tuple[Membership, ...]
    agreement: tuple[tuple[str, int, int], ...]


#: Keys of a fingerprint that are about a stack or a run, of which a machine has many.
OF_RUNS = ("package.", "debian.", "interpreter.", "variable.", "library.", "control.", "executor", "stack", "guest",
           "compile_cache")  # fmt: skip


def split(one: Split) -> SplitView:
    reasons = [explanation.sentence(each) for each in one.explanations]
    reasons += [f"which machines repeat: {explanation.sentence(each)}" for each in one.repeatability]
    return SplitView(
        subject=one.subject,
        classes=tuple((number, each.runs, each.machines, each.record) for number, each in enumerate(one.classes, 1)),
        unrepeatable=one.unrepeatable,
        explanations=tuple(reasons),
        suspects=tuple(f"{', '.join(each.machines)} against {', '.join(each.others)}" for each in one.suspects),
    )


def views(
    names: Iterable[str], fingerprints: Mapping[str, Mapping[str, str]], splits: Sequence[SplitView]
) -> tuple[MachineView, ...]:
    """Every machine, by name."""
    ordered = sorted(set(names))
    hrefs = slugs.hrefs("machines", ordered)
    found = _memberships(splits)
    return tuple(
        MachineView(
            name=name,
            href=hrefs[name],
            facts=tuple(
                (key, value) for key, value in sorted(fingerprints.get(name, {}).items()) if not key.startswith(OF_RUNS)
            ),
            memberships=tuple(found.get(name, ())),
            agreement=_agreement(name, found.get(name, ()), splits),
        )
        for name in ordered
    )


def _memberships(splits: Sequence[SplitView]) -> dict[str, list[Membership]]:
    """By machine, in the order of subjects. A machine with several environments may be in several classes."""
    found: dict[str, list[Membership]] = {}
    for one in splits:
        of = len(one.classes)
        for number, _, members, _ in one.classes:
            for name in members:
                others = tuple(other for other in members if other != name)
                found.setdefault(name, []).append(Membership(subject=one.subject, number=number, of=of, others=others))
        for name in one.unrepeatable:
            found.setdefault(name, []).append(Membership(subject=one.subject, number=0, of=of, others=()))
    return found


def _agreement(
    name: str, memberships: Sequence[Membership], splits: Sequence[SplitView]
) -> tuple[tuple[str, int, int], ...]:
    """(machine, subjects in one class with it, subjects that both have), those that agree most first."""
    mine = {one.subject for one in memberships}
    agreed: dict[str, set[str]] = {}
    both: dict[str, int] = {}
    for one in memberships:
        for other in one.others:
            agreed.setdefault(other, set()).add(one.subject)
    for each in splits:
        if each.subject in mine:
            for other in {*each.unrepeatable, *(member for _, _, members, _ in each.classes for member in members)}:
                both[other] = both.get(other, 0) + 1
    rows = [(other, len(agreed.get(other, ())), count) for other, count in both.items() if other != name]
    return tuple(sorted(rows, key=lambda row: (-row[1] / row[2], row[0])))
