"""The tutorial's published numbers, and where runs stand beside them. Printed decimals: digits, never ULP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench import distance
from bench.bound import Bound
from bench.cell import Cell
from bench.comparability import KeyDifference
from bench.comparison import Verdict
from bench.errors import UsageError
from bench.groups import Group
from bench.placement import Placement, Position, Printed, place
from bench.plan import Seeds
from bench.records import Record

#: The tutorial's seeds, 1 for NumPy and 2 for TensorFlow, are those of seed 1 (`seeds:` in matrix.yaml).
SEEDS = Seeds.of(1)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The published scores of one lane in the order printed, and the protocol that they belong to."""

    lane: str
    scores: tuple[float, ...]
    epochs: int
    repeats: int


@dataclass(frozen=True, kw_only=True)
class PublishedComparison:
    """A group of runs held against a published lane. The verdict is that of the run which agrees least, and so is
    `min_digits`, at its worst position (0 where nothing was compared)."""

    group: Group
    lane: str
    verdict: Verdict
    bound: Bound | None
    placement: Placement | None
    min_digits: float
    differences: tuple[KeyDifference, ...]
    reason: str | None

    @property
    def positions(self) -> tuple[Position, ...]:
        return self.placement.positions if self.placement else ()

    @property
    def inside(self) -> int:
        """How many published scores lie in the range of the runs."""
        return self.placement.inside if self.placement else 0


def load(path: Path) -> Mapping[str, Reference]:
    """The lanes of reference/published.yaml; UsageError if a lane does not have the protocol's number of scores."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    protocol = raw["protocol"]
    found = {}
    for lane, entry in raw["lanes"].items():
        scores = tuple(float(value) for value in entry["mse"])
        if len(scores) != protocol["repeats"]:
            raise UsageError(
                f"{path}: $.lanes.{lane}.mse: {len(scores)} scores; the protocol has {protocol['repeats']}"
            )
        found[lane] = Reference(lane=lane, scores=scores, epochs=protocol["epochs"], repeats=protocol["repeats"])
    return found


def compare(group: Group, reference: Reference, bound: Bound | None) -> PublishedComparison:
    """Position by position over the printed scores. Published numbers have no weights, so a declared bound in
    digits is all that ROUNDING can rest on."""

    def result(
        verdict: Verdict,
        placement: Placement | None = None,
        min_digits: float = 0.0,
        differences: Sequence[KeyDifference] = (),
        reason: str | None = None,
    ) -> PublishedComparison:
        return PublishedComparison(
            group=group,
            lane=reference.lane,
            verdict=verdict,
            bound=bound,
            placement=placement,
            min_digits=min_digits,
            differences=tuple(differences),
            reason=reason,
        )

    differences = _differences(group, reference)
    if differences:
        return result("INCOMPARABLE", differences=differences, reason=differences[0].sentence())
    scores = [one.record.outcome.scores for one in group.runs if one.record.outcome]
    printed = [Printed(value=value) for value in reference.scores]
    placement = place(printed, scores, pooled=group.cell.seeding == "unseeded")
    pairs = [(one, value) for run in scores for one, value in zip(printed, run, strict=True)]
    digits = min(distance.digits(value, one.value) for one, value in pairs)
    if all(one.same(value) for one, value in pairs):
        return result("IDENTICAL", placement, digits)
    within = bound is not None and bound.kind == "digits" and digits >= bound.limit
    return result("ROUNDING" if within else "DIFFERENT", placement, digits)


def _differences(group: Group, reference: Reference) -> list[KeyDifference]:
    """What must match the tutorial's protocol: workload, repeats, epochs, seeds where the cell uses them. Of a
    group whose runs are not alike, the first run that does not match."""
    every = (_protocol(group.cell, one.record, reference) for one in group.runs)
    return next((found for found in every if found), [])


def _protocol(cell: Cell, record: Record, reference: Reference) -> list[KeyDifference]:
    """The keys in which one run is not of the protocol."""
    assert record.outcome is not None
    wanted = {"workload": "mlp", "repeats": str(reference.repeats), "epochs": str(reference.epochs)}
    seen = {
        "workload": cell.workload,
        "repeats": str(len(record.outcome.repeats)),
        "epochs": str(record.outcome.job.get("epochs")),
    }
    for name, used_by in (("numpy", ("numpy", "full")), ("backend", ("full",)), ("keras", ("keras",))):
        if cell.seeding in used_by:
            wanted[f"seed.{name}"] = str(getattr(SEEDS, name))
            seen[f"seed.{name}"] = str(record.run.seeds.get(name))
    return [KeyDifference(key=key, left=seen[key], right=wanted[key]) for key in wanted if seen[key] != wanted[key]]
