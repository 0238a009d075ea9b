"""The runs that a matrix means, in the order in which they are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.cell import Cell
from bench.matrix import Backend, Matrix, Pool
from bench.matrix.file import Limits

JOB_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """The three seeds that recipes use."""

    numpy: int
    backend: int
    keras: int

    @staticmethod
    def of(seed: int) -> "Seeds":
        """Seed s stands for NumPy s, backend s + 1, Keras s: the tutorial seeds NumPy with 1, TensorFlow with 2."""
        return Seeds(numpy=seed, backend=seed + 1, keras=seed)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One planned run: a fresh process that seeds once and makes `repeats` fits."""

    cell: Cell
    seeds: Seeds
    campaign: str
    index: int
    backend: Backend
    controls: tuple[tuple[str, Any], ...]
    repeats: int
    epochs: int
    trace: str
    limits: Limits
    fail_closed: bool = False

    def job(self) -> dict[str, Any]:
        """What the guest is told (bench/guest/__init__.py states the form); supplied weights are added elsewhere."""
        return {
            "schema": JOB_SCHEMA,
            "cell": str(self.cell),
            "workload": self.cell.workload,
            "backend": self.cell.backend,
            "framework": self.backend.framework,
            "accelerator": self.backend.accelerator,
            "seeding": self.cell.seeding,
            "init": self.cell.init,
            "preset": self.cell.preset,
            "controls": dict(self.controls),
            "fail_closed": self.fail_closed,
            "seeds": {"numpy": self.seeds.numpy, "backend": self.seeds.backend, "keras": self.seeds.keras},
            "repeats": self.repeats,
            "epochs": self.epochs,
            "trace": self.trace,
        }


def plan(
    matrix: Matrix,
    *,
    campaign: str,
    only: Sequence[str] = (),
    pool: Pool = "default",
    runs: int | None = None,
    seeds: Sequence[int] | None = None,
    trace: str | None = None,
) -> tuple[Run, ...]:
    """Runs of the selected cells, index by index, so that an interrupted campaign has something of every cell."""
    chosen = [(one.cell, runs or one.runs, trace or one.trace) for one in matrix.select(only, pool)]
    return tuple(
        _run(matrix, cell, Seeds.of(seed), campaign, index, kept)
        for index in range(max((count for _, count, _ in chosen), default=0))
        for cell, count, kept in chosen
        if index < count
        for seed in (seeds or matrix.file.seeds)
    )


def _run(matrix: Matrix, cell: Cell, seeds: Seeds, campaign: str, index: int, trace: str) -> Run:
    workload = matrix.file.workloads[cell.workload]
    return Run(
        cell=cell,
        seeds=seeds,
        campaign=campaign,
        index=index,
        backend=matrix.backends[cell.backend],
        controls=tuple(matrix.file.presets[cell.preset].items()),
        repeats=workload.repeats,
        epochs=workload.epochs,
        trace=trace,
        limits=matrix.limits,
        fail_closed=cell.preset in matrix.file.fail_closed,
    )
