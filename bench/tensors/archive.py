"""Members of a ZIP archive as parts of files, with what makes an archive untrustworthy refused."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import RefusedInput
from bench.tensors.mapped import File, opened, spooled

#: What is larger than this unpacked, and more than so many times larger than packed, is taken for a bomb. DEFLATE
#: reaches 1032 times; weights that were trained are hardly compressible.
LARGE = 256 * 1024**2
RATIO = 200
PIECE = 1024**2
#: Bytes of a local file header before the name (APPNOTE.TXT 4.3.7).
LOCAL_HEADER = 30


@dataclass(frozen=True, kw_only=True)
class Member:
    """Unpacked bytes: `nbytes` from `offset` of a file on."""

    file: File
    offset: int
    nbytes: int


class Archive:
    """An open ZIP file. Members are checked against their CRC before anything of them is believed."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path, self.stack = path, stack
        self.file = opened(path, stack)
        with refusing():
            self.archive = stack.enter_context(zipfile.ZipFile(path))
        files = [one for one in self.archive.infolist() if not one.filename.endswith("/")]
        self.members = {one.filename: one for one in files}
        if len(self.members) < len(files):
            raise RefusedInput("two members have one name")
        bomb(sum(one.file_size for one in self.members.values()), path.stat().st_size)

    def member(self, name: str) -> Member:
        """A member, unpacked on disk unless it is stored as it is."""
        info = self.members[name]
        bomb(info.file_size, info.compress_size)
        with refusing(name):
            if info.compress_type == zipfile.ZIP_STORED:
                for _ in self._pieces(info):
                    pass  # the last one checks the CRC
                return self._stored(info)
            return Member(file=self._spooled(info), offset=0, nbytes=info.file_size)

    def unpacked(self, name: str) -> File:
        """A member as a file of its own."""
        info = self.members[name]
        bomb(info.file_size, info.compress_size)
        with refusing(name):
            return self._spooled(info)

    def _spooled(self, info: zipfile.ZipInfo) -> File:
        return spooled(self._pieces(info), self.stack, f"{self.path}: {info.filename}")

    def _pieces(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        left = info.file_size
        with self.archive.open(info) as stream:
            while piece := stream.read(PIECE):
                left -= len(piece)
                yield piece
        if left:
            raise RefusedInput(f"{info.filename}: {left} bytes fewer than the directory says")

    def _stored(self, info: zipfile.ZipInfo) -> Member:
        with self.path.open("rb") as stream:
            stream.seek(info.header_offset)
            name, extra = struct.unpack("<HH", stream.read(LOCAL_HEADER)[-4:])
        return Member(
            file=self.file,
            offset=info.header_offset + LOCAL_HEADER + name + extra,
            nbytes=info.file_size,
        )


def bomb(unpacked: int, packed: int) -> None:
    """RefusedInput for what would grow beyond reason."""
    if unpacked > LARGE and unpacked > RATIO * packed:
        raise RefusedInput(
            f"{packed} bytes that unpack to {unpacked}; more than {RATIO} times is taken for a bomb: "
            "unpack it yourself if you trust it"
        )


@contextmanager
def refusing(name: str = "") -> Iterator[None]:
    """What a damaged archive makes the readers raise becomes RefusedInput."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError,
            OverflowError) as error:  # fmt: skip
        raise RefusedInput(f"{name}: {error}" if name else f"no readable archive: {error}") from None
