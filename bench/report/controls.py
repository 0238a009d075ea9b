"""docs/controls.md: every control as declared, and what each preset moved in the records of a store."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench import machines
from bench.analysis import Analysis
from bench.cell import Cell
from bench.controls import CONTROLS
from bench.report import switches
from bench.report.cells import Names, name_of, seeds
from bench.report.markdown import escape, table
from bench.report.switches import SwitchView
from bench.switches import Switch


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A switch and how it is shown; `several`: whether the page is about several machines."""

    switch: Switch
    view: SwitchView
    several: bool

    @property
    def cell(self) -> Cell:
        return self.switch.other.cell

    @property
    def column(self) -> str:
        return f"{self.cell.workload}, {self.cell.seeding}, {self.cell.init}"

    @property
    def backend(self) -> str:
        """The backend, and on which machine where there are several."""
        return f"{self.cell.backend} on {self.view.machine}" if self.several else self.cell.backend


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
        several = len(set(names.values())) > 1
        seen = [Seen(switch=one, view=switches.view(one, names), several=several) for one in analysis.switches]
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
    columns = list(dict.fromkeys(one.column for one in found))
    rows: dict[tuple[str, str, str], dict[str, list[Seen]]] = {}
    for one in sorted(found, key=lambda one: (one.cell.preset, one.cell.backend)):
        key = (one.cell.preset, one.view.controls, one.backend)
        rows.setdefault(key, {}).setdefault(one.column, []).append(one)
    return table(
        ("preset", "controls", "backend", *columns),
        ((*key, *(_effects(cells.get(column, ())) for column in columns)) for key, cells in rows.items()),
    )


def _effects(found: Sequence[Seen]) -> str:
    """The effect in one place of the table; of several seeds each has its own."""
    effects = [(seeds(one.switch.other), f"{one.view.effect} ({one.view.runs})") for one in found]
    return "; ".join(f"{seed}: {effect}" if len(effects) > 1 else effect for seed, effect in effects)


def parted(found: Sequence[Seen]) -> str:
    """The switches that moved something: how far, and where first."""
    head = ("workload", "backend", "preset", "effect", "runs", "weights ULP", "digits", "first divergence")
    rows = []
    for one in sorted(found, key=lambda one: one.cell):
        if one.switch.comparison.verdict != "IDENTICAL":
            where, view = (one.cell.workload, one.backend, one.cell.preset), one.view
            rows.append((*where, view.effect, view.runs, view.weights_ulp, view.digits, view.divergence))
    return table(head, rows)
