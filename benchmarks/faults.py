#!/usr/bin/env python3
"""Plants faults at random places of made-up records, and counts how many are found, and placed where they are.

A clean pair that is flagged, or a fault that is taken for agreement, is the worst that this project can do; the command
then ends with 1. Prints a Markdown table.
"""

import argparse
import copy
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.comparison import Comparison, compare  # noqa: E402
from bench.groups import group  # noqa: E402
from bench.store import Store, Stored  # noqa: E402
from tests.planted import NAMES, Fit, Planted, fit  # noqa: E402

Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A clean run, the faulty one, and what must be said of the pair: it returns whether a comparison says so."""

    clean: Planted
    faulty: Planted
    placed: Callable[[Comparison], bool]


def runs(random: Random) -> tuple[Planted, Planted]:
    """Two runs that end alike, of a random number of fits and epochs; the second is free to be changed."""
    epochs = int(random.integers(2, 8))
    fits = [fit(random, epochs=epochs) for _ in range(random.integers(1, 5))]
    clean = Planted(fits=fits, epochs=epochs)
    other = Planted(fits=copy.deepcopy(fits), epochs=epochs, index=1, started="2026-11-23T11:00:00.000Z")
    return clean, other


def place(random: Random, array: NDArray[Any]) -> tuple[int, ...]:
    return tuple(int(random.integers(0, length)) for length in array.shape)


def weight(random: Random, planted: Planted) -> tuple[int, int, int, tuple[int, ...], NDArray[Any]]:
    """A random weight on the way: fit, epoch and tensor from 0, element, and the array that it is in."""
    number = int(random.integers(0, len(planted.fits)))
    epoch = int(random.integers(0, planted.epochs))
    tensor = int(random.integers(0, len(NAMES)))
    array = planted.fits[number].trajectory[epoch][tensor]
    return number, epoch, tensor, place(random, array), array


def at(stage: str, number: int, tensor: str | None = None, element: tuple[int, ...] | None = None,
       epoch: int | None = None) -> Callable[[Comparison], bool]:  # fmt: skip
    """Whether a comparison is DIFFERENT and names that very place; the first epoch is one step, `update 1`."""

    def check(found: Comparison) -> bool:
        seen = found.divergence
        stages = {stage} | ({"update 1"} if epoch == 1 else set())
        return found.verdict == "DIFFERENT" and seen is not None and seen.stage in stages and (
            (seen.repeat, seen.tensor, seen.element) == (number + 1, tensor, element)
        ) and (epoch is None or seen.epoch in (epoch, None))  # fmt: skip

    return check


def flipped_bit(random: Random) -> Trial:
    clean, faulty = runs(random)
    number, epoch, tensor, element, array = weight(random, faulty)
    array.view(np.uint32)[element] ^= np.uint32(1 << int(random.integers(0, 32)))
    return Trial(clean=clean, faulty=faulty, placed=at("epoch", number, NAMES[tensor], element, epoch + 1))


def swapped_batches(random: Random) -> Trial:
    """From some epoch on all weights are others, as if two batches had changed places in it."""
    clean, faulty = runs(random)
    number, epoch, *_ = weight(random, faulty)
    other = fit(random, epochs=faulty.epochs)
    changed = faulty.fits[number]
    changed.trajectory[epoch:] = other.trajectory[epoch:]
    changed.losses[epoch + 1 :] = other.losses[epoch + 1 :]
    changed.predictions, changed.score = other.predictions, other.score
    return Trial(clean=clean, faulty=faulty,
                 placed=at("epoch", number, NAMES[0], (0, 0), epoch + 1))  # fmt: skip


def other_kernel(random: Random) -> Trial:
    clean, faulty = runs(random)
    number = int(random.integers(0, len(faulty.fits)))
    faulty.fits[number].initial[0] = fit(random).initial[0]
    return Trial(clean=clean, faulty=faulty, placed=at("init", number, NAMES[0], (0, 0)))


def prediction(value: float, before: float | None = None) -> Callable[[Random], Trial]:
    """One prediction is `value` instead of itself, or of `before`."""

    def plant(random: Random) -> Trial:
        clean, faulty = runs(random)
        number = int(random.integers(0, len(faulty.fits)))
        element = place(random, faulty.fits[number].predictions)
        if before is not None:
            clean.fits[number].predictions[element] = before
        faulty.fits[number].predictions[element] = value
        return Trial(clean=clean, faulty=faulty, placed=at("predictions", number, "predictions", element))

    return plant


def widened(random: Random) -> Trial:
    """Every number the same, but kept as float64."""
    clean, faulty = runs(random)

    def widen(one: Fit) -> Fit:
        return Fit(initial=[array.astype("<f8") for array in one.initial],
                   trajectory=[[array.astype("<f8") for array in epoch] for epoch in one.trajectory],
                   predictions=one.predictions, losses=one.losses, score=one.score)  # fmt: skip

    faulty.fits = [widen(one) for one in faulty.fits]
    return Trial(clean=clean, faulty=faulty, placed=named("weights"))


def other_stack(random: Random) -> Trial:
    clean, faulty = runs(random)
    faulty.stack = "f" * 64
    return Trial(clean=clean, faulty=faulty, placed=named("stack"))


def named(key: str) -> Callable[[Comparison], bool]:
    """Whether a comparison is INCOMPARABLE for that key alone."""
    return lambda found: found.verdict == "INCOMPARABLE" and [one.key for one in found.differences] == [key]


def nothing(random: Random) -> Trial:
    clean, faulty = runs(random)
    return Trial(clean=clean, faulty=faulty, placed=lambda found: found.verdict == "IDENTICAL")


FAULTS: dict[str, Callable[[Random], Trial]] = {
    "one flipped bit of one weight after some epoch": flipped_bit,
    "two batches swapped in some epoch": swapped_batches,
    "the first layer's initial kernel is another": other_kernel,
    "a NaN in one prediction": prediction(float("nan")),
    "-0.0 for 0.0 in one prediction": prediction(-0.0, 0.0),
    "a denormal flushed to zero": prediction(0.0, 1e-41),
    "float32 recorded as float64": widened,
    "a record of another stack": other_stack,
    "nothing (a clean pair)": nothing,
}


def stored(planted: Planted) -> Stored:
    record, content = planted.record()
    return Stored(digest="0" * 64, record=record, content=content)


def duplicated(random: Random, folder: Path) -> bool:
    """Whether a run that is stored twice, under two attempts, counts once."""
    clean, other = runs(random)
    other.index, other.attempt = clean.index, "1" * 32
    store = Store(folder)
    for one in (clean, clean, other):
        store.add(*one.record())
    (found,) = group(one for one in store.scan() if isinstance(one, Stored))
    return len(found.runs) == 1


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=500, help="of each fault (default: 500)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    missed = 0
    print("| planted | trials | found | and placed |\n| --- | ---: | ---: | ---: |")
    for name, plant in FAULTS.items():
        trials = [plant(random) for _ in range(arguments.trials)]
        results = [(trial, compare(stored(trial.clean), stored(trial.faulty), "run")) for trial in trials]
        clean = plant is nothing
        found = sum((one.verdict in ("DIFFERENT", "INCOMPARABLE")) is not clean for _, one in results)
        placed = sum(trial.placed(one) for trial, one in results)
        missed += 2 * arguments.trials - found - placed
        print(f"| {name} | {len(trials)} | {found} | {placed} |" if not clean else
              f"| {name} | {len(trials)} | {arguments.trials - found} flagged | {placed} IDENTICAL |")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        once = sum(duplicated(random, Path(name) / str(number)) for number in range(20))
    print(f"| a run stored twice | 20 | 20 | {once} counted once |")
    return 1 if missed or once != 20 else 0


if __name__ == "__main__":
    sys.exit(main())
