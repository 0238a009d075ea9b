"""Files that cannot be trusted: refused with the reason, exit code 3, no traceback."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.cli.main import main
from bench.errors import BenchError
from bench.tensors import archive as archives
from bench.tensors.comparison import compare
from bench.tensors.files import opened
from bench.tensors.hdf5 import WEIGHTS
from tests.tensorfiles import WRITERS, safetensors


def npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode("latin1").ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def zipped(*members: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def saved(values: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return stream.getvalue()


BINARY = (".npy", ".npz", ".h5", ".keras", ".safetensors")
BODY = saved(np.arange(100.0))
F4 = "{'descr': '<f4', 'fortran_order': False, 'shape': "
EVIL = "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os').system('true')}"


def entry(dtype: str, shape: object, *offsets: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "pickle": (".npy", saved(np.array([{}], dtype=object)), "pickle"),
    "pickle in npz": (".npz", zipped(("a.npy", saved(np.array([{}], dtype=object)))), "a.npy"),
    "pickle by suffix": (".pt", zipped(("data.pkl", b"cos\nsystem\n")), "never read"),
    "unknown suffix": (".onnx", b"", "legal: .npy"),
    "empty npy": (".npy", b"", "header"),
    "no npy": (".npy", b"hello, world", "header"),
    "truncated npy": (".npy", BODY[:-1], "truncated"),
    "npy and more": (".npy", BODY + b"x", "800 bytes; 801 follow"),
    "billion elements": (".npy", npy(F4 + "(1000000000,)}", b"0123456789"), "4000000000 bytes; 10 follow"),
    "more than 64 bits": (".npy", npy(F4 + f"({2**40}, {2**40})" + "}", b"0123456789"), "10 follow"),
    "negative length": (".npy", npy(F4 + "(-1, -10)}", b"0" * 40), "negative"),
    "code in a header": (".npy", npy(EVIL), "header"),
    "npy of nothing": (".npy", npy("{'descr': '|V0', 'fortran_order': False, 'shape': (3,)}"), "V0"),
    "later npy": (".npy", b"\x93NUMPY\x03\x00" + BODY[8:], "version (3, 0)"),
    "truncated npz": (".npz", zipped(("a.npy", BODY))[:-30], "archive"),
    "no npz": (".npz", b"PK\x03\x04 or so", "archive"),
    "empty npz": (".npz", zipped(), "no tensor"),
    "member without a name": (".npz", zipped(("qq", BODY)).replace(b"qq", b"\0q"), "no .npy"),
    "npz of other things": (".npz", zipped(("a.txt", b"hello")), "a.txt"),
    "wrong CRC": (".npz", zipped(("a.npy", BODY), kind=zipfile.ZIP_STORED).replace(BODY, BODY[:-1] + b"x"), "CRC"),
    "bomb": (".npz", zipped(("a.npy", npy(F4 + f"({2**16},)" + "}", bytes(2**18)))), "bomb"),
    "keras without weights": (".keras", zipped(("config.json", b"{}")), WEIGHTS),
    "keras of no HDF5": (".keras", zipped((WEIGHTS, b"hello")), "HDF5"),
    "keras bomb": (".keras", zipped((WEIGHTS, bytes(2**18))), "bomb"),
    "no HDF5": (".h5", b"hello", "HDF5"),
    "empty safetensors": (".safetensors", b"", "truncated"),
    "long header": (".safetensors", struct.pack("<Q", 2**62) + b"{}", "truncated"),
    "no JSON": (".safetensors", struct.pack("<Q", 4) + b"{]{]", "JSON"),
    "deep JSON": (".safetensors", struct.pack("<Q", 10**5) + b"[" * 10**5, "JSON"),
    "a JSON list": (".safetensors", safetensors([], b""), "object"),  # type: ignore[arg-type]
    "one name twice": (".safetensors", struct.pack("<Q", 16) + b'{"a": 1, "a": 2}', "twice"),
    "overlap": (".safetensors", safetensors({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 2, 6)}, b"123456"),
                "overlaps a"),
    "gap": (".safetensors", safetensors({"a": entry("U8", [4], 0, 4), "b": entry("U8", [1], 5, 6)}, b"123456"), "gap"),
    "gap at the start": (".safetensors", safetensors({"a": entry("U8", [4], 2, 6)}, b"123456"), "gap"),
    "truncated safetensors": (".safetensors", safetensors({"a": entry("U8", [4], 0, 4)}, b"123"), "truncated"),
    "safetensors and more": (".safetensors", safetensors({"a": entry("U8", [4], 0, 4)}, b"12345"), "corrupt"),
    "billion of 10 bytes": (".safetensors", safetensors({"a": entry("F32", [10**9], 0, 10)}, b"0123456789"),
                            "4000000000 bytes"),
    "unknown dtype": (".safetensors", safetensors({"a": entry("F128", [1], 0, 16)}, bytes(16)), "legal: F64"),
    "a shape of text": (".safetensors", safetensors({"a": entry("U8", "1", 0, 1)}, b"1"), "whole numbers"),
    "a shape of booleans": (".safetensors", safetensors({"a": entry("U8", [True], 0, 1)}, b"1"), "whole numbers"),
    "no offsets": (".safetensors", safetensors({"a": {"dtype": "U8", "shape": [1]}}, b"1"), "exactly"),
    "words in CSV": (".csv", b"a,b\n1,adam\n", "line 2: 'adam' is no number"),
    "ragged CSV": (".csv", b"1,2\n3\n", "line 2: 1 fields"),
    "two columns of one name": (".csv", b"a,a\n1,2\n", "one name"),
    "empty CSV": (".csv", b"\n# nothing\n", "no line"),
    "binary CSV": (".csv", b"\xff\xfe\x00", "UTF-8"),
    "large whole number": (".csv", b"9007199254740993\n", "cannot hold"),
    "large whole number with a point": (".csv", b"-9007199254740993.0\n", "cannot hold"),
    "decimal beyond float64": (".csv", b"1e400\n", "beyond float64"),
    "decimal beyond float64 in JSON": (".json", b"[-1e400]", "beyond float64"),
    "decimal that float64 has as 0": (".csv", b"1e-400\n", "nearer to 0"),
    "hexadecimal that float64 has as 0": (".json", b'["0x1p-2000"]', "nearer to 0"),
    "open quote": (".csv", b'"1,2\n', "line 1"),
    "words in JSON": (".json", b'{"name": "adam"}', "name: 'adam' is no number"),
    "deep nesting": (".json", b"[" * 10**5, "nested"),
    "truncated JSON": (".json", b"[1, 2", "JSON"),
    "JSON of two names": (".json", b'{"a": 1, "a": 2}', "twice"),
    "JSON of one path": (".json", b'{"a/b": 1, "a": {"b": 2}}', "twice"),
    "JSON of nothing": (".json", b"{}", "no tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, one message with file and reason on stderr, nothing on stdout."""
    monkeypatch.setattr(archives, "LARGE", 2**16)
    suffix, content, reason = REFUSED[name]
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    assert main(["compare", str(path), str(path)]) == 3
    out, error = capsys.readouterr()
    assert (out, len(error.splitlines())) == ("", 1)
    assert str(path) in error
    assert reason in error


@pytest.mark.parametrize("suffix", BINARY)
def test_truncated_anywhere(suffix: str, tmp_path: Path) -> None:
    """A file that ends early is refused wherever it ends; it is never equal to itself."""
    whole = tmp_path / f"whole{suffix}"
    WRITERS[suffix](whole, {"array": np.arange(500.0)})
    content = whole.read_bytes()
    for length in {0, 1, 7, 8, 60, 127, len(content) // 2, len(content) - 1}:
        path = tmp_path / f"{length}{suffix}"
        path.write_bytes(content[:length])
        assert main(["compare", str(path), str(path)]) == 3, length


def hdf5_link(file: h5py.File) -> None:
    file["away"] = h5py.ExternalLink("/etc/passwd", "/x")


def hdf5_dangling(file: h5py.File) -> None:
    file["nowhere"] = h5py.SoftLink("/gone")


def hdf5_outside(file: h5py.File) -> None:
    file.create_dataset("raw", (100,), dtype="u1", external=[("/etc/passwd", 0, 100)])


def hdf5_virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(4,))
    file.create_virtual_dataset("virtual", layout)


def hdf5_huge(file: h5py.File) -> None:
    file.create_dataset("huge", (10**12,), dtype="f4", chunks=(1000,), compression="gzip")


def hdf5_text(file: h5py.File) -> None:
    file["text"] = ["a", "b"]


@pytest.mark.parametrize("plant", [hdf5_link, hdf5_dangling, hdf5_outside, hdf5_virtual, hdf5_huge, hdf5_text])
def test_hdf5_leads_nowhere_else(plant: Callable[[h5py.File], None], tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["good"] = np.arange(3.0)
        plant(file)
    assert main(["compare", str(path), str(path)]) == 3


def test_a_soft_link_is_a_path_of_its_own(tmp_path: Path) -> None:
    """So that two files whose links lead to different tensors are not called equal."""
    for name, target in (("a", "/one"), ("b", "/two")):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["one"], file["two"], file["best"] = 1.0, 2.0, h5py.SoftLink(target)
    with opened(tmp_path / "a.h5") as left, opened(tmp_path / "b.h5") as right:
        verdicts = {pair.path: pair.verdict for pair in compare(left, right).pairs}
    assert verdicts == {"one": "IDENTICAL", "two": "IDENTICAL", "best": "DIFFERENT"}


def test_a_file_that_shrinks_meanwhile_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(10**5))
    with opened(tmp_path / "a.npy") as left:
        with (tmp_path / "a.npy").open("r+b") as stream:
            stream.truncate(4096)
        with pytest.raises(BenchError, match=r"a\.npy: cannot be read"):
            compare(left, left)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(suffix=st.sampled_from([".npy", ".npz", ".safetensors", ".csv", ".json"]), data=st.data())
def test_a_damaged_file_is_compared_or_refused(suffix: str, data: st.DataObject, tmp_path: Path) -> None:
    """Whatever bytes are changed, dropped or put in: an answer or a refusal, never a traceback."""
    path = tmp_path / f"damaged{suffix}"
    WRITERS[suffix](path, {"array": np.arange(24.0).reshape(6, 4)})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path.write_bytes(content)
    assert main(["compare", str(path), str(path)]) in (0, 3)
