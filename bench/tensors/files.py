"""Which reader a file has, by its suffix."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.errors import RefusedInput, RunError, sentence
from bench.tensors import Tensors, hdf5, npy, npz, safetensors, text

#: A reader opens what it needs on the stack and reads no element yet; RefusedInput if the file is not what it must be.
Reader = Callable[[Path, ExitStack], Tensors]

READERS: dict[str, Reader] = {
    ".npy": npy.read,
    ".npz": npz.read,
    ".h5": hdf5.read,
    ".hdf5": hdf5.read,
    ".keras": hdf5.read_keras,
    ".safetensors": safetensors.read,
    ".csv": text.read_csv,
    ".json": text.read_json,
}
#: Pickles run code when they are read.
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt", ".bin")


@contextmanager
def opened(path: Path) -> Iterator[Tensors]:
    """The tensors of a file, to be read while the context lasts; errors name the file."""
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise RefusedInput(
            f"{path}: {suffix} is a pickle, which can run code and is never read; save it as .safetensors"
        )
    if suffix not in READERS:
        raise RefusedInput(sentence(path=str(path), what="unknown suffix", seen=suffix, legal=READERS))
    with ExitStack() as stack:
        try:
            tensors = READERS[suffix](path, stack)
        except RefusedInput as error:
            raise RefusedInput(f"{path}: {error}") from None
        except OSError as error:
            raise RunError(f"{path}: {error.strerror or error}") from None
        if not tensors:
            raise RefusedInput(f"{path}: holds no tensor, so nothing can be compared")
        yield tensors
