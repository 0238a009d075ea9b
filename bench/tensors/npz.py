"""NumPy's .npz: a ZIP archive of .npy members."""

from contextlib import ExitStack
from pathlib import Path

from bench.errors import RefusedInput
from bench.tensors import Tensor, Tensors, npy
from bench.tensors.archive import Archive

SUFFIX = ".npy"


def read(path: Path, stack: ExitStack) -> Tensors:
    """The arrays under the names that they were saved with."""
    archive = Archive(path, stack)
    return {name.removesuffix(SUFFIX): _tensor(archive, name) for name in archive.members}


def _tensor(archive: Archive, name: str) -> Tensor:
    if not name.endswith(SUFFIX):
        raise RefusedInput(f"{name}: no .npy; np.savez writes nothing else")
    member = archive.member(name)
    try:
        return npy.tensor(member.file, member.offset, member.nbytes)
    except RefusedInput as error:
        raise RefusedInput(f"{name}: {error}") from None
