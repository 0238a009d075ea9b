"""Writes the same arrays in every format that `bench compare` reads, each by other means than its reader."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bench.tensors.hdf5 import WEIGHTS

Arrays = dict[str, NDArray[Any]]


def write_npy(path: Path, arrays: Arrays) -> None:
    np.save(path, next(iter(arrays.values())))


def write_npz(path: Path, arrays: Arrays) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for place, (name, values) in enumerate(arrays.items()):
            stream = io.BytesIO()
            np.save(stream, values)
            kind = zipfile.ZIP_DEFLATED if place % 2 else zipfile.ZIP_STORED
            archive.writestr(f"{name}.npy", stream.getvalue(), kind)


def write_h5(path: Path, arrays: Arrays) -> None:
    with h5py.File(path, "w") as file:
        for place, (name, values) in enumerate(arrays.items()):
            packed = {"compression": "gzip", "chunks": True} if place % 2 and values.size > 1 else {}
            file.create_dataset(name, data=values, **packed)


def write_keras(path: Path, arrays: Arrays) -> None:
    inner = path.with_suffix(".inner.h5")
    write_h5(inner, arrays)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(inner, WEIGHTS)
    inner.unlink()


SAFE = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "uint8": "U8", "bool": "BOOL"}


def safetensors(entries: dict[str, Any], body: bytes) -> bytes:
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + body


def write_safetensors(path: Path, arrays: Arrays) -> None:
    entries, body = {}, b""
    for name, values in arrays.items():
        end = len(body) + values.nbytes
        entries[name] = {"dtype": SAFE[values.dtype.name], "shape": values.shape, "data_offsets": [len(body), end]}
        body += values.tobytes()
    path.write_bytes(safetensors({"__metadata__": {"format": "np"}, **entries}, body))


def write_csv(path: Path, arrays: Arrays) -> None:
    values = next(iter(arrays.values()))
    np.savetxt(path, values.reshape(len(values), -1), delimiter=",", fmt="%.17g")


def write_json(path: Path, arrays: Arrays) -> None:
    path.write_text(json.dumps({name: values.tolist() for name, values in arrays.items()}), encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Arrays], None]] = {
    ".npy": write_npy, ".npz": write_npz, ".h5": write_h5, ".hdf5": write_h5, ".keras": write_keras,
    ".safetensors": write_safetensors, ".csv": write_csv, ".json": write_json,
}  # fmt: skip


def arrays() -> Arrays:
    rng = np.random.default_rng(3)
    return {
        "dense/kernel": rng.standard_normal((7, 5, 3)).astype(np.float32),
        "dense/bias": rng.standard_normal(5).astype(np.float16),
        "wide": rng.standard_normal((300, 200)),
        "step": np.arange(4),
        "mask": np.array([True, False]),
        "scalar": np.array(2.5),
        "empty": np.empty((0, 2), dtype=np.float32),
    }
