"""What must match before two runs are compared: a scope varies exactly one thing, everything else agrees."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.cell import Cell
from bench.records import Record

#: The keys that each scope lets differ. `index` tells runs apart that are meant to be the same.
VARIES: Mapping[str, frozenset[str]] = {
    "run": frozenset({"index"}),
    "machine": frozenset({"index", "machine", "hardware"}),
    "backend": frozenset({"index", "backend", "stack"}),
    "control": frozenset({"index", "preset"}),
    "night": frozenset({"index", "campaign", "stack"}),
}


@dataclass(frozen=True, kw_only=True)
class KeyDifference:
    """A key that must match and does not, with both values."""

    key: str
    left: str
    right: str

    def sentence(self) -> str:
        return f"{self.key}: {self.left} and {self.right}"


def keys(record: Record) -> dict[str, str]:
    """Every key of a run that a comparison can depend on, as text. The outcome must be there."""
    cell = Cell.parse(record.run.cell)
    outcome = record.outcome
    assert outcome is not None  # only runs that are ok are compared
    assert outcome.workload is not None
    first = outcome.repeats[0]
    found = {
        "workload": cell.workload,
        "backend": cell.backend,
        "seeding": cell.seeding,
        "init": cell.init,
        "preset": cell.preset,
        "stack": str(record.run.stack),
        "machine": record.run.machine.label,
        "hardware": str(record.run.machine.hardware),
        "campaign": record.run.campaign,
        "index": str(record.run.index),
        "repeats": str(len(outcome.repeats)),
        "epochs": str(outcome.job.get("epochs")),
        "score": outcome.workload.score,
        "weights": " ".join(f"{array.name}:{array.dtype}{list(array.shape)}" for array in first.initial_weights),
        "predictions": f"{first.predictions.dtype}{list(first.predictions.shape)}",
        "losses": f"{first.losses.dtype}{list(first.losses.shape)}",
    }
    found |= {f"seed.{name}": str(value) for name, value in record.run.seeds.items()}
    found |= {f"data.{name}": digest for name, digest in outcome.workload.data.items()}
    found |= {f"hyperparameters.{name}": value for name, value in outcome.workload.hyperparameters.items()}
    return found


def differences(left: Record, right: Record, scope: str) -> tuple[KeyDifference, ...]:
    """Keys that the scope does not vary and that differ, in the order of `keys`; a missing key is `(none)`."""
    first, second = keys(left), keys(right)
    allowed = VARIES[scope]
    return tuple(
        KeyDifference(key=key, left=first.get(key, "(none)"), right=second.get(key, "(none)"))
        for key in dict.fromkeys([*first, *second])
        if key not in allowed and first.get(key) != second.get(key)
    )
