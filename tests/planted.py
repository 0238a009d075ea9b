"""Records made up for tests: real in form, small in size, every bit of them chosen here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.digests import array_digest, lines_digest, sha256
from bench.records import (
    Array,
    ArraysFile,
    Fingerprint,
    Machine,
    Outcome,
    Record,
    Repeat,
    Replay,
    RunKey,
    Steps,
    Workload,
    result_lines,
)
from bench.store import Stored

CELL = "mlp/theano-cpu/numpy/native/default"
NAMES = ("0.dense/kernel", "0.dense/bias")


@dataclass(kw_only=True)
class Fit:
    """One repeat as arrays. `trajectory` has a list of arrays for each epoch; the last are the final weights. `steps`
    are (loss, digest); `layers` are what each layer gave when replayed, `updates` each weight's first update."""

    initial: list[NDArray[Any]]
    trajectory: list[list[NDArray[Any]]]
    predictions: NDArray[Any]
    losses: list[float]
    score: float
    steps: list[tuple[float, str]] | None = None
    layers: list[tuple[str, NDArray[Any]]] | None = None
    updates: list[NDArray[Any]] = field(default_factory=list)
    optimizer: str | None = None


@dataclass(kw_only=True)
class Planted:
    """A run to be; change what you like, then `record()`."""

    cell: str = CELL
    index: int = 0
    seeds: dict[str, int] = field(default_factory=lambda: {"numpy": 1, "backend": 2, "keras": 1})
    campaign: str = "2026-11-23"
    machine: str = "box"
    hardware: str = "a" * 64
    stack: str = "b" * 64
    keras: str = "2.0.3"
    epochs: int = 4
    hyperparameters: dict[str, str] = field(default_factory=lambda: {"optimizer": "adam", "epsilon": "0x1p-24"})
    data: dict[str, str] = field(default_factory=lambda: {"X": "c" * 64, "y": "d" * 64})
    trace: str = "epochs"
    fits: list[Fit] = field(default_factory=list)
    started: str = "2026-11-23T10:00:00.000Z"
    attempt: str = "0" * 32
    stack_blob: str = "e" * 64
    sbom: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # of the hardware
    surroundings: dict[str, Any] = field(default_factory=dict)

    def record(self) -> tuple[Record, bytes]:
        """The record and the bytes of its arrays, all digests right."""
        content = bytearray()

        def add(name: str, array: NDArray[Any]) -> Array:
            raw = np.ascontiguousarray(array).tobytes()
            entry = Array(
                name=name,
                dtype=array.dtype.str,
                shape=array.shape,
                offset=len(content),
                sha256=array_digest(array.dtype.str, array.shape, raw),
            )
            content.extend(raw)
            return entry

        repeats = tuple(self._repeat(fit, add) for fit in self.fits)
        outcome = Outcome(
            job={"cell": self.cell, "epochs": self.epochs},
            workload=Workload(
                name="mlp",
                score="mean_squared_error",
                steps_per_epoch=1,
                data=self.data,
                hyperparameters=self.hyperparameters,
                configuration=None,
            ),
            repeats=repeats,
            result_digest=lines_digest(result_lines(repeats)),
            framework={"keras": self.keras},
            times={"total": 1.0},
            peak_memory_bytes=1,
            process={"pid": 1.0},
        )
        fingerprint = Fingerprint(
            stack=self.stack,
            stack_blob=self.stack_blob,
            sbom=self.sbom,
            hardware={"digest": self.hardware, **self.facts},
            surroundings=self.surroundings,
            variables={},
            libraries=(),
        )
        record = Record(
            run=RunKey(
                cell=self.cell,
                seeds=self.seeds,
                stack=self.stack,
                machine=Machine(label=self.machine, hardware=self.hardware),
                campaign=self.campaign,
                index=self.index,
            ),
            attempt=self.attempt,
            started=self.started,
            ended=self.started,
            status="ok",
            reason=None,
            executor={"name": "docker"},
            fingerprint=fingerprint,
            outcome=outcome,
            arrays=ArraysFile(sha256=sha256(bytes(content)), nbytes=len(content)),
            output_tail="",
        )
        return record, bytes(content)

    def _repeat(self, fit: Fit, add: Any) -> Repeat:
        initial = tuple(add(name, array) for name, array in zip(NAMES, fit.initial, strict=True))
        final = tuple(add(name, array) for name, array in zip(NAMES, fit.trajectory[-1], strict=True))
        predictions = add("predictions", fit.predictions)
        losses = add("losses", np.asarray(fit.losses, dtype="<f8"))
        trajectory = None
        if self.trace != "scores":
            stacks = [np.stack(list(one)) for one in zip(*fit.trajectory, strict=True)]
            trajectory = tuple(add(name, array) for name, array in zip(NAMES, stacks, strict=True))
        return Repeat(
            initial_weights=initial,
            final_weights=final,
            predictions=predictions,
            losses=losses,
            trajectory=trajectory,
            epoch_digests=None,
            steps=None if fit.steps is None else _steps(fit.steps, add),
            replay=None
            if fit.layers is None
            else Replay(
                activations=tuple(add(*one) for one in fit.layers),
                updates=tuple(add(name, array) for name, array in zip(NAMES, fit.updates, strict=True)),
            ),
            optimizer_digest=fit.optimizer,
            score=float(fit.score).hex(),
            times={"fit": 1.0},
        )


def _steps(steps: list[tuple[float, str]], add: Any) -> Steps:
    losses = add("losses of steps", np.asarray([loss for loss, _ in steps], dtype="<f8"))
    return Steps(losses=losses, digests=tuple(digest for _, digest in steps))


def fit(random: np.random.Generator, *, epochs: int = 4, dtype: str = "<f4") -> Fit:
    """A made-up fit with a (1, 3) kernel and a (3,) bias, nothing of it zero."""

    def draw(*shape: int) -> NDArray[Any]:
        drawn: NDArray[Any] = random.uniform(0.5, 1.0, shape) * random.choice([-1.0, 1.0], shape)
        return drawn.astype(dtype)

    return Fit(
        initial=[draw(1, 3), draw(3)],
        trajectory=[[draw(1, 3), draw(3)] for _ in range(epochs)],
        predictions=draw(5, 1),
        losses=[float(value) for value in random.uniform(0.1, 1.0, epochs)],
        score=float(random.uniform(0.01, 0.1)),
    )


def fits(seed: int = 7, *, repeats: int = 2, epochs: int = 4) -> list[Fit]:
    """The same fits for the same seed."""
    random = np.random.default_rng(seed)
    return [fit(random, epochs=epochs) for _ in range(repeats)]


def scored(scores: Sequence[float], *, start: int = 7, **fields: Any) -> Stored:
    """A run with these scores; runs of one `start` (and of as many fits) begin at the same initial weights."""
    made = fits(start, repeats=len(scores), epochs=1)
    for one, score in zip(made, scores, strict=True):
        one.score = score
    record, content = Planted(fits=made, trace="scores", **fields).record()
    return Stored(digest=sha256(record.to_json()), record=record, content=content)
