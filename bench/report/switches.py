"""What the report shows of controls, as plain values: what each preset moves, and which controls took no effect."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.distance import digits_text
from bench.groups import Group
from bench.report.cells import Names, name_of
from bench.switches import Switch


@dataclass(frozen=True, kw_only=True)
class SwitchView:
    """One preset of a lane beside `default`; runs and classes are those of both sides."""

    lane: str
    machine: str
    preset: str
    controls: str
    effect: str
    runs: str
    classes: str
    verdict: str
    weights_ulp: str
    predictions_ulp: str
    digits: str
    divergence: str


@dataclass(frozen=True, kw_only=True)
class StateView:
    """A control that is not in force, or of which nobody can tell, in how many runs of which presets."""

    backend: str
    presets: str
    control: str
    asked: str
    state: str
    runs: int
    evidence: str


def view(one: Switch, names: Names) -> SwitchView:
    measures = one.comparison.measures
    ulp = (measures.weights_ulp, measures.predictions_ulp) if measures else ()
    texts = ["not finite on one side" if value is None else str(value) for value in ulp] or ["", ""]
    digits = "" if measures is None else digits_text(measures.min_digits)
    return SwitchView(
        lane=one.lane,
        machine=name_of(one.base, names),
        preset=one.other.cell.preset,
        controls=", ".join(f"{state.name} = {json.dumps(state.asked)}" for state in one.states),
        effect="nothing was switched" if one.idle else effect(one),
        runs=f"{len(one.base.runs)}, {len(one.other.runs)}",
        classes=f"{len(one.base.classes)}, {len(one.other.classes)}"
        + (f"; {one.shared} in common" if one.shared else ""),
        verdict=one.comparison.verdict,
        weights_ulp=texts[0],
        predictions_ulp=texts[1],
        digits=digits,
        divergence=one.comparison.parted() or one.comparison.reason or "nowhere",
    )


def effect(one: Switch) -> str:
    """The effect in words; a single run of either side tells no effect, but whether it agrees."""
    if one.effect == "one run":
        return "same bits, one run" if one.comparison.verdict == "IDENTICAL" else "other bits, one run"
    return one.effect


def states(groups: Sequence[Group]) -> tuple[StateView, ...]:
    """Controls of all runs that are not in force or unverified, those not in force first; the evidence is that of the
    first run."""
    found: dict[tuple[str, str, str, str], list[tuple[str, str]]] = defaultdict(list)
    for group in groups:
        for run in group.runs:
            for one in run.record.outcome.controls if run.record.outcome else ():
                if one.state != "in force":
                    key = (one.state, group.cell.backend, one.name, json.dumps(one.asked))
                    found[key].append((group.cell.preset, one.evidence))
    return tuple(
        StateView(
            backend=backend,
            presets=", ".join(sorted({preset for preset, _ in seen})),
            control=control,
            asked=asked,
            state=state,
            runs=len(seen),
            evidence=seen[0][1],
        )
        for (state, backend, control, asked), seen in sorted(found.items())
    )
