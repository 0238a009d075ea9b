"""Initial weights that the bench supplies, so that every backend starts from the same bits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.digests import array_digest
from bench.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One weight: its name and shape; `zeros` for biases, else Glorot's uniform draw."""

    name: str
    shape: tuple[int, ...]
    zeros: bool = False


#: The weights of each workload in the order of Keras's `get_weights()`.
TENSORS: Mapping[str, Sequence[Tensor]] = {
    "mlp": (
        Tensor(name="0.dense/kernel", shape=(1, 10)),
        Tensor(name="0.dense/bias", shape=(10,), zeros=True),
        Tensor(name="1.dense/kernel", shape=(10, 1)),
        Tensor(name="1.dense/bias", shape=(1,), zeros=True),
    ),
}


def draw(workload: str, seed: int, repeats: int) -> list[list[tuple[str, NDArray[np.float32]]]]:
    """Named float32 arrays for each repeat, from NumPy's legacy RandomState: the same bytes with every NumPy.

    Kernels are uniform in +-sqrt(6 / (fan_in + fan_out)), X. Glorot and Y. Bengio, AISTATS 2010, eq. 16.
    """
    if workload not in TENSORS:
        raise UsageError(f"workload {workload!r} has no supplied weights; legal: {', '.join(TENSORS)}")
    random = np.random.RandomState(seed)

    def value(tensor: Tensor) -> NDArray[np.float32]:
        if tensor.zeros:
            return np.zeros(tensor.shape, dtype="<f4")
        limit = np.sqrt(6.0 / sum(tensor.shape[-2:]))
        return random.uniform(-limit, limit, tensor.shape).astype("<f4")

    return [[(tensor.name, value(tensor)) for tensor in TENSORS[workload]] for _ in range(repeats)]


def files(workload: str, seed: int, repeats: int) -> tuple[list[list[dict[str, object]]], bytes]:
    """The job's `supplied` entries and the bytes of `supplied.bin`."""
    entries: list[list[dict[str, object]]] = []
    content = bytearray()
    for repeat in draw(workload, seed, repeats):
        entries.append([])
        for name, array in repeat:
            raw = array.tobytes()
            entries[-1].append(
                {
                    "name": name,
                    "dtype": "<f4",
                    "shape": list(array.shape),
                    "offset": len(content),
                    "sha256": array_digest("<f4", array.shape, raw),
                }
            )
            content += raw
    return entries, bytes(content)
