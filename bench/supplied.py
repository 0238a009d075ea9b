"""Initial weights and dropout masks that the bench supplies, so that every backend starts from the same bits."""

import contextlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import resources
from bench.digests import array_digest
from bench.errors import UsageError, sentence

#: The range of an embedding's uniform draw: Keras's own default.
EMBEDDING = 0.05

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a workload declares in the guest: weights as (name, shape, draw) in the order of Keras's `get_weights()`,
    masks as (name, shape, rate)."""

    tensors: tuple[tuple[str, tuple[int, ...], str], ...]
    masks: tuple[tuple[str, tuple[int, ...], float], ...]


@dataclass(frozen=True, kw_only=True)
class Supplied:
    """Named float32 arrays: the weights of each repeat, and masks whose first axis is the repeat."""

    weights: tuple[tuple[tuple[str, Floats], ...], ...]
    masks: tuple[tuple[str, Floats], ...]

    def files(self) -> tuple[dict[str, Any], bytes]:
        """The job's entries `supplied` and `masks`, and the bytes of `supplied.bin`."""
        content = bytearray()

        def entry(name: str, array: Floats) -> dict[str, Any]:
            raw = array.tobytes()
            offset = len(content)
            content.extend(raw)
            digest = array_digest("<f4", array.shape, raw)
            return {"name": name, "dtype": "<f4", "shape": list(array.shape), "offset": offset, "sha256": digest}

        weights = [[entry(*one) for one in repeat] for repeat in self.weights]
        return {"supplied": weights, "masks": [entry(*one) for one in self.masks]}, bytes(content)


def declared(workload: str) -> Declared:
    """What a workload of the guest declares; UsageError for one that it does not know."""
    known = resources.workloads()
    if workload not in known:
        raise UsageError(sentence(path="workload", what="unknown workload", seen=workload, legal=known))
    path = f"workloads/{known[workload][0]}.py"
    masks: Any = ()
    with contextlib.suppress(KeyError):
        masks = resources.guest_literal(path, "MASKS")
    return Declared(tensors=resources.guest_literal(path, "TENSORS"), masks=masks)


def draw(workload: str, seed: int, repeats: int) -> Supplied:
    """Weights and masks from NumPy's legacy RandomState: the same bytes with every NumPy.

    Masks hold 0 with their rate, else 1 / (1 - rate), so that the expected value stays.
    """
    what = declared(workload)
    random = np.random.RandomState(seed)
    weights = tuple(
        tuple((name, _tensor(random, shape, kind)) for name, shape, kind in what.tensors) for _ in range(repeats)
    )
    return Supplied(
        weights=weights,
        masks=tuple((name, _mask(random, (repeats, *shape), rate)) for name, shape, rate in what.masks),
    )


def _tensor(random: np.random.RandomState, shape: tuple[int, ...], kind: str) -> Floats:
    """`zeros`, `ones`, `uniform` (an embedding's), or `glorot`: uniform in +-sqrt(6 / (fan_in + fan_out)), X. Glorot
    and Y. Bengio, AISTATS 2010, eq. 16, the fans being the last two lengths times all before them."""
    if kind in ("zeros", "ones"):
        return np.full(shape, float(kind == "ones"), dtype="<f4")
    limit = {"uniform": EMBEDDING, "glorot": np.sqrt(6.0 / (math.prod(shape[:-2]) * sum(shape[-2:])))}[kind]
    return random.uniform(-limit, limit, shape).astype("<f4")


def _mask(random: np.random.RandomState, shape: tuple[int, ...], rate: float) -> Floats:
    return ((random.random_sample(shape) >= rate) / (1.0 - rate)).astype("<f4")
