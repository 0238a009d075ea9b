"""HDF5, as Keras writes weights (.h5, .weights.h5), and .keras, a ZIP archive that holds such a file."""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import RefusedInput
from bench.tensors import BFLOAT16, Elements, Tensor, Tensors
from bench.tensors.archive import Archive, bomb
from bench.tensors.npy import checked

if TYPE_CHECKING:
    import h5py

#: Decompressed chunks of a dataset that HDF5 keeps, so that one is not decompressed for every part of it.
CACHE = 64 * 1024**2
WEIGHTS = "model.weights.h5"


def read_keras(path: Path, stack: ExitStack) -> Tensors:
    """The datasets of a .keras file's weights; its configuration holds no tensors."""
    archive = Archive(path, stack)
    if WEIGHTS not in archive.members:
        raise RefusedInput(f"no {WEIGHTS} in it; it has: {', '.join(sorted(archive.members)) or 'nothing'}")
    weights = archive.unpacked(WEIGHTS)
    return read(weights.path, stack, weights.label)


def read(path: Path, stack: ExitStack, label: str = "") -> Tensors:
    """The datasets by their path from the root; attributes are no tensors. Nothing outside the file is read."""
    import h5py

    with refusing():
        file = stack.enter_context(h5py.File(path, "r", rdcc_nbytes=CACHE))
        names: dict[str, Any] = {}
        file.visititems_links(lambda name, link: names.update({name: link}))
        return {
            name: one
            for name, link in names.items()
            if (one := _tensor(file, name, link, label or str(path))) is not None
        }


def _tensor(file: "h5py.File", name: str, link: object, label: str) -> Tensor | None:
    """The dataset at a path; None for a group."""
    import h5py

    if isinstance(link, h5py.ExternalLink):
        raise RefusedInput(f"{name}: a link to another file, which is not followed")
    found = file.get(name)
    if isinstance(found, h5py.Group) and isinstance(link, h5py.HardLink):
        return None
    if not isinstance(found, h5py.Dataset):
        raise RefusedInput(f"{name}: no dataset and no group; a link to nowhere, or to a group")
    if found.is_virtual or found.external:
        raise RefusedInput(f"{name}: its elements lie in other files, which are not read")
    elements = _elements(name, found)
    shape = tuple(int(length) for length in found.shape) if found.shape is not None else (0,)
    bomb(math.prod(shape) * elements.storage.itemsize, found.id.get_storage_size())
    return Tensor(elements=elements, shape=shape, source=Dataset(found, f"{label}: {name}", elements, shape))


def _elements(name: str, found: "h5py.Dataset") -> Elements:
    """bfloat16 is what Keras marks so: HDF5 has no such number, its bytes are opaque there."""
    if found.dtype.kind == "V" and found.dtype.itemsize == 2 and found.attrs.get("dtype") == "bfloat16":
        return BFLOAT16
    try:
        return checked(found.dtype)
    except RefusedInput as error:
        raise RefusedInput(f"{name}: {error}") from None


class Dataset:
    """A source whose parts HDF5 reads, and decompresses where it must."""

    def __init__(self, dataset: "h5py.Dataset", name: str, elements: Elements, shape: tuple[int, ...]) -> None:
        self.dataset, self.name, self.elements, self.shape = dataset, name, elements, shape
        self.grain = math.prod(dataset.chunks or (1,))

    def read(self, start: int, stop: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
        """A copy of the elements."""
        values = np.empty(stop - start, dtype=self.dataset.dtype)
        place = 0
        with refusing(self.name):
            for part in slabs(self.shape, start, stop):
                found = np.asarray(self.dataset[part]).reshape(-1)
                values[place : place + len(found)] = found
                place += len(found)
        bits = values.view(self.elements.storage)
        return bits.byteswap() if self.elements.family != "bytes" and values.dtype.byteorder == ">" else bits


def slabs(shape: tuple[int, ...], start: int, stop: int) -> Iterator[tuple[slice, ...]]:
    """Blocks of an array of this shape that are, one after another, its elements `start` to `stop` in C order."""
    if start == stop:
        return
    if len(shape) < 2:
        yield (slice(start, stop),) * len(shape)
        return
    row = math.prod(shape[1:])
    first, head = divmod(start, row)
    last, tail = divmod(stop, row)
    if head:
        end = row if first < last else tail
        yield from ((slice(first, first + 1), *part) for part in slabs(shape[1:], head, end))
        first += 1
    if first < last:
        yield (slice(first, last), *(slice(0, length) for length in shape[1:]))
    if tail and first <= last:
        yield from ((slice(last, last + 1), *part) for part in slabs(shape[1:], 0, tail))


@contextmanager
def refusing(name: str = "") -> Iterator[None]:
    """What a damaged file makes HDF5 raise becomes RefusedInput."""
    try:
        yield
    except RefusedInput:
        raise
    except Exception as error:  # noqa: BLE001 -- OSError to SystemError, by where the damage is
        raise RefusedInput(f"{name}: {error}" if name else f"no readable HDF5 file: {error}") from None
