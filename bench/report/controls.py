"""docs/controls.md: every control as declared, and what each preset moved in the records of a store."""

from collections.abc import Sequence

from bench.analysis import Analysis
from bench.controls import CONTROLS
from bench.report import switches
from bench.report.markdown import escape, table
from bench.switches import Switch

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
        runs = sum(len(group.runs) for group in analysis.groups)
        machines = escape(", ".join(_machines(analysis)))
        parts.append(MEASURED.format(runs=runs, campaign=escape(analysis.campaign), machines=machines))
        parts += [overview(analysis.switches), "### Where they part\n\n" + parted(analysis.switches)]
        head = ("backend", "control", "asked", "state", "runs", "evidence")
        rows = (
            (one.backend, one.control, one.asked, one.state, one.runs, one.evidence)
            for one in switches.states(analysis.groups)
        )
        parts.append("### Not in force, or unverified\n\n" + table(head, rows))
    return "\n\n".join([*parts, declared()]) + "\n"


def _machines(analysis: Analysis) -> list[str]:
    """Machines with what they are."""
    found = set()
    for group in analysis.groups:
        seen = group.first.record.fingerprint
        model = seen.hardware.get("cpu_model") if seen else None
        found.add(
            f"{group.place()[0]} ({model}, {seen.hardware.get('cpus')} CPUs)" if seen and model else group.place()[0]
        )
    return sorted(found)


def overview(found: Sequence[Switch]) -> str:
    """One row a preset and backend, one column a workload with its lane: the effect and the runs behind it."""
    columns = list(dict.fromkeys(_column(one) for one in found))
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for one in sorted(found, key=lambda one: (one.other.cell.preset, one.other.cell.backend)):
        seen = switches.view(one)
        key = (one.other.cell.preset, seen.controls, one.other.cell.backend)
        rows.setdefault(key, {})[_column(one)] = f"{seen.effect} ({seen.runs})"
    return table(
        ("preset", "controls", "backend", *columns),
        ((*key, *(cells.get(column, "") for column in columns)) for key, cells in rows.items()),
    )


def _column(one: Switch) -> str:
    cell = one.other.cell
    return f"{cell.workload}, {cell.seeding}, {cell.init}"


def parted(found: Sequence[Switch]) -> str:
    """The switches that moved something: how far, and where first."""
    head = ("workload", "backend", "preset", "effect", "runs", "weights ULP", "digits", "first divergence")
    rows = []
    for one in sorted(found, key=lambda one: one.other.cell):
        seen = switches.view(one)
        if one.comparison.verdict != "IDENTICAL":
            cell = one.other.cell
            where = (cell.workload, cell.backend, cell.preset)
            rows.append((*where, seen.effect, seen.runs, seen.weights_ulp, seen.digits, seen.divergence))
    return table(head, rows)
