"""Every format: what was written is what is compared."""

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.tensors import Tensors
from bench.tensors import text as texts
from bench.tensors.comparison import compare
from bench.tensors.files import READERS, opened
from bench.tensors.hdf5 import slabs
from tests.tensorfiles import WRITERS, Arrays, arrays, safetensors, write_npz


def values_of(tensors: Tensors) -> Arrays:
    """Everything that a reader gives, as arrays of bits."""
    return {path: one.source.read(0, one.size).reshape(one.shape) for path, one in tensors.items()}


def test_every_suffix_has_a_writer_here() -> None:
    assert set(WRITERS) == set(READERS)


@pytest.mark.parametrize("suffix", WRITERS)
def test_round_trip_and_one_flipped_bit(suffix: str, tmp_path: Path) -> None:
    """The same arrays are IDENTICAL; a bit flipped in one of them is found at its index, and nowhere else."""
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    kept = {"array": arrays()["wide"]} if suffix in (".npy", ".csv") else arrays()
    name = next(name for name in ("wide", "array") if name in kept)
    WRITERS[suffix](one, kept)
    WRITERS[suffix](other, kept)
    with opened(one) as left, opened(other) as right:
        assert set(left) == set(kept)
        assert {pair.verdict for pair in compare(left, right).pairs} == {"IDENTICAL"}
        assert {path: tensor.shape for path, tensor in left.items() if tensor.size} == {
            path: values.shape for path, values in kept.items() if values.size
        }
    kept[name][123, 45] = np.nextafter(kept[name][123, 45], np.inf)
    WRITERS[suffix](other, kept)
    with opened(one) as left, opened(other) as right:
        differing = {pair.path: pair for pair in compare(left, right).pairs if pair.verdict != "IDENTICAL"}
    assert list(differing) == [name]
    found = differing[name]
    assert found.first is not None
    assert found.measures is not None
    assert (found.first.index, found.measures.largest_ulp, found.measures.differing) == ((123, 45), 1, 1)


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".keras", ".safetensors"])
def test_formats_agree_with_each_other(suffix: str, tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", arrays())
    WRITERS[suffix](tmp_path / f"b{suffix}", arrays())
    with opened(tmp_path / "a.npz") as left, opened(tmp_path / f"b{suffix}") as right:
        assert compare(left, right).verdict == "IDENTICAL"


def test_order_and_byte_order_of_npy_do_not_show(tmp_path: Path) -> None:
    """Fortran order and big-endian are ways to store the same array; the index is the C one."""
    values = np.random.default_rng(5).standard_normal((40, 30, 7))
    forms = {"c": values, "fortran": np.asfortranarray(values), "big": values.astype(">f8"),
             "both": np.asfortranarray(values.astype(">f8"))}  # fmt: skip
    other = values.copy()
    other[1, 2, 3] *= -1
    np.save(tmp_path / "other.npy", other)
    for name, form in forms.items():
        np.save(tmp_path / f"{name}.npy", form)
        with opened(tmp_path / "c.npy") as left, opened(tmp_path / f"{name}.npy") as right:
            assert compare(left, right).verdict == "IDENTICAL"
        with opened(tmp_path / f"{name}.npy") as left, opened(tmp_path / "other.npy") as right:
            first = compare(left, right).pairs[0].first
            assert first is not None
            assert first.index == (1, 2, 3)


def test_bfloat16_of_safetensors_and_of_keras(tmp_path: Path) -> None:
    """Two neighbours are 1 ULP apart; Keras keeps bfloat16 as bytes that it marks in an attribute."""
    for name, bits in (("a", 0x3F80), ("b", 0x3F81)):
        body = struct.pack("<2H", 0x4000, bits)
        entry = {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
        (tmp_path / f"{name}.safetensors").write_bytes(safetensors(entry, body))
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file.create_dataset("w", data=np.frombuffer(body, dtype="V2")).attrs["dtype"] = "bfloat16"
    for left, right in (("a.safetensors", "b.safetensors"), ("a.h5", "b.h5"), ("a.h5", "b.safetensors")):
        with opened(tmp_path / left) as one, opened(tmp_path / right) as other:
            pair = compare(one, other).pairs[0]
        assert pair.left is not None
        assert pair.first is not None
        assert pair.measures is not None
        assert (pair.left.dtype, pair.first.right, pair.measures.largest_ulp) == ("bfloat16", "1.0078125", 1)


@given(st.lists(st.integers(0, 5), min_size=0, max_size=4), st.data())
def test_slabs_are_a_range_of_the_array(shape: list[int], data: st.DataObject) -> None:
    values = np.arange(int(np.prod(shape))).reshape(shape)
    start = data.draw(st.integers(0, values.size))
    stop = data.draw(st.integers(start, values.size))
    parts = [values[part].reshape(-1) for part in slabs(tuple(shape), start, stop)]
    assert [int(one) for part in parts for one in part] == list(range(start, stop))


def texts_of(path: Path, content: str) -> Arrays:
    path.write_text(content, encoding="utf-8")
    with opened(path) as tensors:
        return {name: values.view(np.float64) for name, values in values_of(tensors).items()}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "  "])
def test_csv_with_and_without_names(delimiter: str, tmp_path: Path) -> None:
    rows = [["epoch", "loss"], ["0", "0x1.8p+1"], ["1", "nan"], ["2", "-1e-3"]]
    content = "\n".join(delimiter.join(row) for row in rows)
    found = texts_of(tmp_path / "a.csv", content)
    np.testing.assert_array_equal(found["epoch"], [0, 1, 2])
    np.testing.assert_array_equal(found["loss"], [3.0, np.nan, -0.001])
    found = texts_of(tmp_path / "b.csv", "# a comment\n" + "\n".join(delimiter.join(row) for row in rows[1:]) + "\n")
    np.testing.assert_array_equal(found["array"], [[0, 3.0], [1, np.nan], [2, -0.001]])


def test_csv_fields_may_be_quoted_or_empty(tmp_path: Path) -> None:
    found = texts_of(tmp_path / "a.csv", '\ufeff"a","b"\r\n"1.5",\r\n2,"-inf"\r\n')
    np.testing.assert_array_equal(found["a"], [1.5, 2])
    np.testing.assert_array_equal(found["b"], [np.nan, -np.inf])


def test_a_column_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "ROWS", 1)
    content = "a,b,c\n" + "\n".join(f"{row},{row + 0.5},{-row}" for row in range(500))
    found = texts_of(tmp_path / "a.csv", content)
    np.testing.assert_array_equal(found["b"], np.arange(500) + 0.5)


def test_json_paths(tmp_path: Path) -> None:
    """Rectangular lists are tensors; ragged ones and objects are paths."""
    found = texts_of(tmp_path / "a.json", '{"loss": [1, 2.5, null, "nan", NaN, "0x1p-3"], "m": {"k": [[1, 2], [3, 4]]},'
                     ' "ragged": [[1], [2, 3]], "one": 7, "runs": [{"x": 1}, {"x": [2]}], "none": []}')  # fmt: skip
    assert {path: values.shape for path, values in found.items()} == {
        "loss": (6,), "m/k": (2, 2), "ragged[0]": (1,), "ragged[1]": (2,), "one": (), "runs[0]/x": (),
        "runs[1]/x": (1,), "none": (0,),
    }  # fmt: skip
    np.testing.assert_array_equal(found["loss"], [1, 2.5, np.nan, np.nan, np.nan, 0.125])


@given(st.floats(allow_nan=False))
def test_a_float_survives_as_decimal_and_as_hexadecimal(value: float) -> None:
    assert texts.number(repr(value)) == texts.number(value.hex()) == value
