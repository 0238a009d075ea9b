"""What must match before two runs are compared: a scope varies exactly one thing, everything else agrees."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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
        left, right = _readable(self.left), _readable(self.right)
        if left == right:  # a float32 and a float64 can have the same shortest decimal
            left, right = self.left, self.right
        return f"{self.key}: {left} and {right}"


def _readable(value: str) -> str:
    """A number in bits (`float.hex()`) as the shortest decimal that no other float32, or float64, has."""
    if not re.fullmatch(r"-?0x[01]\.[0-9a-f]+p[+-][0-9]+", value):
        return value
    number = float.fromhex(value)
    single = np.float32(number)
    return str(single) if float(single) == number else repr(number)


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
