"""Where two trainings first part: the stage, the epoch, the tensor, the element; and how the distance grows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import distance
from bench.records import Array, Repeat, read_array


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """The first difference of two runs. `repeat`, `epoch` and `step` count from 1; `between` bounds what was not
    observed; `replayed` says that it was seen when the first batch was made once more, not in the training.

    `stage` is init, forward (what a layer gives for the first batch), loss, update 1 (of the weights, by the very first
    step), step (the weights after a step of an epoch), epoch (the weights after `epoch`), final weights, predictions
    or score.
    """

    repeat: int
    stage: str
    epoch: int | None = None
    step: int | None = None
    tensor: str | None = None
    element: tuple[int, ...] | None = None
    left: str | None = None
    right: str | None = None
    ulp: int | None = None
    between: tuple[int, int] | None = None
    replayed: bool = False

    def sentence(self) -> str:
        """`fit 1, epoch 3: 0.dense/kernel[0, 4], 1 ULP`."""
        place = self.stage + (" (replayed)" if self.replayed else "")
        if self.stage in ("epoch", "loss", "step") and self.epoch is not None:
            when = f"epoch {self.epoch}" if self.step is None else f"step {self.step} of epoch {self.epoch}"
            place = f"loss of {when}" if self.stage == "loss" else when
        if self.between is not None:
            first, last = self.between
            where = f"in epoch {first}" if first == last else f"in one of the epochs {first} to {last}"
            place += f" (the weights parted {where}, unobserved)"
        text = f"fit {self.repeat}, {place}"
        if self.tensor is not None:
            index = ", ".join(str(part) for part in self.element or ())
            text += f": {self.tensor}[{index}]"
        return text + ("" if self.ulp is None else f", {self.ulp} ULP")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One run's repeats and the bytes of their arrays."""

    repeats: tuple[Repeat, ...]
    content: bytes

    def read(self, array: Array) -> NDArray[Any]:
        return read_array(array, self.content)


def first(left: Side, right: Side, *, steps_per_epoch: int, weights_only: bool = False) -> Divergence | None:
    """The earliest difference in the order in which a run computes; None if there is none.

    `weights_only` passes over losses and layers' values: a loss may be summed in another order while the weights
    still agree.
    Both sides must have repeats of the same shapes (comparability has been checked).
    """
    for index, (one, other) in enumerate(zip(left.repeats, right.repeats, strict=True), start=1):
        for found in _stages(left, right, one, other, index, steps_per_epoch):
            if found is not None and not (weights_only and found.stage in ("loss", "forward")):
                return found
    return None


def _stages(left: Side, right: Side, one: Repeat, other: Repeat, index: int, steps: int) -> Iterator[Divergence | None]:
    """Differences of one repeat, the earliest stage first."""
    yield _tensors(left, right, one.initial_weights, other.initial_weights, index, "init")
    if _parted(one, other):  # a replay that parts alone says nothing of the training
        yield from _replays(left, right, one, other, index, steps)
    yield from _epochs(left, right, one, other, index, steps)
    yield _tensors(left, right, one.final_weights, other.final_weights, index, "final weights")
    yield _tensors(left, right, (one.predictions,), (other.predictions,), index, "predictions")
    if one.score != other.score:
        yield Divergence(repeat=index, stage="score", left=one.score, right=other.score)


def _parted(one: Repeat, other: Repeat) -> bool:
    """Whether anything differs that was observed of two fits."""
    ends = [(fit.predictions.sha256, fit.losses.sha256, fit.score) for fit in (one, other)]
    weights = [[array.sha256 for array in fit.final_weights] for fit in (one, other)]
    paths = one.path(), other.path()
    return ends[0] != ends[1] or weights[0] != weights[1] or (None not in paths and paths[0] != paths[1])


def _replays(
    left: Side, right: Side, one: Repeat, other: Repeat, index: int, steps: int
) -> Iterator[Divergence | None]:
    """The first layer and, where an epoch has several steps, the first update that differ when replayed."""
    if one.replay is None or other.replay is None:
        return
    stages = [("forward", one.replay.activations, other.replay.activations)]
    if steps > 1:  # one step an epoch is observed itself
        stages.append(("update 1", one.replay.updates, other.replay.updates))
    for stage, ones, others in stages:
        if [(array.name, array.dtype, array.shape) for array in ones] == [
            (array.name, array.dtype, array.shape) for array in others
        ]:
            found = _tensors(left, right, ones, others, index, stage)
            yield replace(found, replayed=True) if found else None


def _steps(left: Side, right: Side, one: Repeat, other: Repeat, index: int, epoch: int) -> Iterator[Divergence]:
    """Losses and weights of an epoch step by step, where both runs kept them."""
    if one.steps is None or other.steps is None:
        return
    count = len(one.steps.digests) // one.losses.shape[0]
    losses = left.read(one.steps.losses), right.read(other.steps.losses)
    for step in range(1, count + 1):
        place = (epoch - 1) * count + step - 1
        pair = losses[0][place], losses[1][place]
        if pair[0].tobytes() != pair[1].tobytes():
            texts = [float(value).hex() for value in pair]
            yield Divergence(repeat=index, stage="loss", epoch=epoch, step=step, left=texts[0], right=texts[1])
        if one.steps.digests[place] != other.steps.digests[place]:
            yield Divergence(repeat=index, stage="step", epoch=epoch, step=step)


def _epochs(left: Side, right: Side, one: Repeat, other: Repeat, index: int, steps: int) -> Iterator[Divergence | None]:
    """Losses and weights epoch by epoch: the loss of an epoch is computed before its last update."""
    losses = left.read(one.losses), right.read(other.losses)
    trajectories = one.trajectory, other.trajectory
    observed = trajectories[0] is not None and trajectories[1] is not None
    for epoch in range(1, len(losses[0]) + 1):
        if steps > 1:
            yield from _steps(left, right, one, other, index, epoch)
        pair = float(losses[0][epoch - 1]), float(losses[1][epoch - 1])
        if losses[0][epoch - 1].tobytes() != losses[1][epoch - 1].tobytes():  # as the digest sees them: NaN has bits
            unobserved = not observed and not (one.epoch_digests and other.epoch_digests) and epoch > 1
            yield Divergence(
                repeat=index,
                stage="loss",
                epoch=epoch,
                left=pair[0].hex(),
                right=pair[1].hex(),
                between=(1, epoch - 1) if unobserved else None,
            )
        stage = "update 1" if epoch == 1 and steps == 1 else "epoch"
        if trajectories[0] is not None and trajectories[1] is not None:
            yield _tensors(left, right, trajectories[0], trajectories[1], index, stage, epoch)
        elif (
            one.epoch_digests and other.epoch_digests and one.epoch_digests[epoch - 1] != other.epoch_digests[epoch - 1]
        ):
            yield Divergence(repeat=index, stage=stage, epoch=epoch)


def _tensors(
    left: Side,
    right: Side,
    ones: tuple[Array, ...],
    others: tuple[Array, ...],
    index: int,
    stage: str,
    epoch: int | None = None,
) -> Divergence | None:
    """The first differing tensor of a stage; of a trajectory, the slice of that epoch."""
    for one, other in zip(ones, others, strict=True):
        if one.sha256 == other.sha256:
            continue
        values = left.read(one), right.read(other)
        if epoch is not None:
            values = values[0][epoch - 1], values[1][epoch - 1]
        found = distance.between(*values, name=one.name, dtype=one.dtype)
        if found.first is not None:
            pair = values[0][found.first], values[1][found.first]
            ulp = _element_ulp(*(np.atleast_1d(value) for value in pair), dtype=one.dtype)
            return Divergence(
                repeat=index,
                stage=stage,
                epoch=epoch,
                tensor=one.name,
                element=found.first,
                left=_text(pair[0]),
                right=_text(pair[1]),
                ulp=ulp,
            )
    return None


def _element_ulp(left: NDArray[Any], right: NDArray[Any], *, dtype: str) -> int | None:
    """ULP distance of two single elements; None where a NaN or an infinity on one side makes it meaningless."""
    if dtype not in distance.FLOATS:
        return None
    kinds = [int(distance.special(distance.bits_of(value, dtype), dtype)[0]) for value in (left, right)]
    return None if 2 in kinds or kinds[0] != kinds[1] else int(distance.ulp(left, right, dtype)[0])


def _text(value: Any) -> str:
    return float(value).hex() if np.issubdtype(np.asarray(value).dtype, np.floating) else str(value)


def growth(left: Side, right: Side) -> tuple[int | None, ...] | None:
    """Largest ULP distance of any weight after each epoch, over all repeats; index 0 is the initial weights.

    None where the trajectories were not kept; an element is None where NaN or infinity stands on one side only.
    """
    curves = []
    for one, other in zip(left.repeats, right.repeats, strict=True):
        if one.trajectory is None or other.trajectory is None:
            return None
        start = _largest(left, right, one.initial_weights, other.initial_weights)
        curves.append([start, *_per_epoch(left, right, one.trajectory, other.trajectory)])
    return tuple(_worst(list(column)) for column in zip(*curves, strict=True))


def _worst(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _largest(left: Side, right: Side, ones: tuple[Array, ...], others: tuple[Array, ...]) -> int | None:
    return _worst(
        [
            distance.between(left.read(one), right.read(other), name=one.name, dtype=one.dtype).max_ulp
            for one, other in zip(ones, others, strict=True)
        ]
    )


def _per_epoch(left: Side, right: Side, ones: tuple[Array, ...], others: tuple[Array, ...]) -> list[int | None]:
    """Largest ULP distance over all tensors, an epoch each."""
    columns: list[NDArray[Any]] = [np.zeros(ones[0].shape[0], dtype="<u8")]
    broken = np.zeros(ones[0].shape[0], dtype=bool)
    for one, other in zip(ones, others, strict=True):
        values = left.read(one), right.read(other)
        flat = [value.reshape(value.shape[0], -1) for value in values]
        if one.dtype not in distance.FLOATS:
            broken |= (flat[0] != flat[1]).any(axis=1)  # integers are equal or not: no distance
            continue
        kinds = [distance.special(distance.bits_of(value, one.dtype), one.dtype) for value in flat]
        broken |= (kinds[0] != kinds[1]).any(axis=1)
        both = np.where(kinds[0] == 2, 0, distance.ulp(flat[0], flat[1], one.dtype))
        columns.append(both.max(axis=1))
    largest = np.max(np.stack(columns), axis=0)
    return [None if bad else int(value) for bad, value in zip(broken, largest, strict=True)]
