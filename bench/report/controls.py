"""docs/controls.md: every control as declared, and what each preset moved in the records of a store."""

from collections.abc import Sequence

from bench import machines
from bench.analysis import Analysis
from bench.controls import CONTROLS
from bench.report import switches
from bench.report.cells import Names, name_of
from bench.report.markdown import escape, table
from bench.report.switches import SwitchView
from bench.switches import Switch

Seen = tuple[Switch, SwitchView]

HEAD = """# Controls

Switches that can move bits. A preset of matrix.yaml is a set of them; a run's record says of each whether it was in
force, not in force, or unverified where nothing tells, with the evidence. `bench controls` writes this page."""

MEASURED = """## What they move

Each preset beside `default`, from {runs} runs of campaign {campaign}; {machines}. In brackets the runs of both.
Bits can be said to move, or not, only where both repeat."""


def declared() -> str:
    """The table of all controls."""
    rows = (
        (one.name, one.what, one.values.describe(), ", ".join(one.frameworks), one.how, one.seen)
        for one in CONTROLS.values()
    )
    return "## All of them\n\n" + table(("control", "what it is", "values", "frameworks", "set by", "checked by"), rows)


def document(analysis: Analysis | None) -> str:
    """The whole page; without an analysis only what is declared."""
    parts = [HEAD]
    if analysis is not None and analysis.switches:
        names = machines.names(
            (machine.label, machine.hardware) for machine in (one.first.record.run.machine for one in analysis.groups)
        )
        seen = [(one, switches.view(one, names)) for one in analysis.switches]
        runs = sum(len(group.runs) for group in analysis.groups)
        places = escape(", ".join(_machines(analysis, names)))
        parts.append(MEASURED.format(runs=runs, campaign=escape(analysis.campaign), machines=places))
        parts += [overview(seen), "### Where they part\n\n" + parted(seen)]
        head = ("backend", "control", "asked", "state", "runs", "evidence")
        rows = (
            (one.backend, one.control, one.asked, one.state, one.runs, one.evidence)
            for one in switches.states(analysis.groups)
        )
        parts.append("### Not in force, or unverified\n\n" + table(head, rows))
    return "\n\n".join([*parts, declared()]) + "\n"


def _machines(analysis: Analysis, names: Names) -> list[str]:
    """Machines with what they are."""
    found = set()
    for group in analysis.groups:
        name, seen = name_of(group, names), group.first.record.fingerprint
        model = seen.hardware.get("cpu_model") if seen else None
        found.add(f"{name} ({model}, {seen.hardware.get('cpus')} CPUs)" if seen and model else name)
    return sorted(found)


def overview(found: Sequence[Seen]) -> str:
    """One row a preset and backend, one column a workload with its lane: the effect and the runs behind it."""
    columns = list(dict.fromkeys(_column(one) for one, _ in found))
    rows: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for one, seen in sorted(found, key=lambda pair: (pair[0].other.cell.preset, pair[0].other.cell.backend)):
        key = (one.other.cell.preset, seen.controls, _backend(one, seen, found))
        effects = rows.setdefault(key, {}).setdefault(_column(one), [])
        effects.append(f"{seen.effect} ({seen.runs})")  # of several seeds each has its own
    return table(
        ("preset", "controls", "backend", *columns),
        ((*key, *("; ".join(effects.get(column, ())) for column in columns)) for key, effects in rows.items()),
    )


def _column(one: Switch) -> str:
    cell = one.other.cell
    return f"{cell.workload}, {cell.seeding}, {cell.init}"


def _backend(one: Switch, seen: SwitchView, found: Sequence[Seen]) -> str:
    """A switch's backend, and on which machine where there are several."""
    several = len({other.machine for _, other in found}) > 1
    return f"{one.other.cell.backend} on {seen.machine}" if several else one.other.cell.backend


def parted(found: Sequence[Seen]) -> str:
    """The switches that moved something: how far, and where first."""
    head = ("workload", "backend", "preset", "effect", "runs", "weights ULP", "digits", "first divergence")
    rows = []
    for one, seen in sorted(found, key=lambda pair: pair[0].other.cell):
        if one.comparison.verdict != "IDENTICAL":
            where = (one.other.cell.workload, _backend(one, seen, found), one.other.cell.preset)
            rows.append((*where, seen.effect, seen.runs, seen.weights_ulp, seen.digits, seen.divergence))
    return table(head, rows)
