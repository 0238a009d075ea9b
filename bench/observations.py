"""Observations: results of other tools, each one array with what it is and who computed it.

Schema history
  1  first (2026-11).

Beside a record an observation is small: `subject` names what was computed, and observations of one subject are
comparable; `digest` covers dtype, shape and bytes, as that of a record's array does; `fingerprint` is a flat mapping
of strings (bench/fingerprints.py gives a record's in the same form).
"""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from bench.digests import array_digest, sha256
from bench.errors import RefusedInput
from bench.records import Digest, Shape, Value, array_nbytes, load_json, problem

SCHEMA = 1

#: No value of an observation is larger, in bytes. A larger one is given tensor by tensor, or compared as a file.
LARGEST = 64 * 1024**2
#: Everything else of an observation is no larger than this, in bytes of its canonical JSON.
BODY_LARGEST = 1024**2
#: Notes, and a value of a fingerprint, in characters.
LONGEST_TEXT = 65_536

Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=500)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class Machine(Value):
    """The label that its owner gave, if any, and everything that is known of it as strings."""

    label: Line | None
    fingerprint: Annotated[dict[Line, Text], Field(max_length=5_000)]


class Array(Value):
    """The value: `sha256` covers dtype, shape and bytes; `blob` is the SHA-256 of the bytes alone, little-endian and
    in C order, by which a store keeps them once however many machines agree."""

    dtype: str
    shape: Shape
    sha256: Digest
    blob: Digest

    @property
    def nbytes(self) -> int:
        """Size in bytes; RefusedInput for an unknown dtype and for more than an observation may hold."""
        nbytes = array_nbytes(self.dtype, self.shape)
        if nbytes > LARGEST:
            raise RefusedInput(f"shape {list(self.shape)} of {self.dtype}: {nbytes} bytes; the limit is {LARGEST}")
        return nbytes


class Observation(Value):
    """One result. Two that are equal in all of this are one: `run` and `index` tell repetitions apart."""

    schema_: Literal[1] = Field(alias="schema", default=1)
    subject: Line
    machine: Machine
    run: Line | None
    index: Count | None
    value: Array
    notes: Text | None

    @property
    def digest(self) -> str:
        """What two observations of one subject share exactly if they have the same bits."""
        return self.value.sha256

    @property
    def fingerprint(self) -> Mapping[str, str]:
        """Who computed it, key by key."""
        return self.machine.fingerprint

    def to_json(self) -> bytes:
        """Canonical bytes: sorted keys, one line. Their SHA-256 is the observation's name in a store."""
        return (
            json.dumps(self.model_dump(mode="json", by_alias=True), allow_nan=False, sort_keys=True) + "\n"
        ).encode()


def array(dtype: str, shape: tuple[int, ...], content: bytes) -> Array:
    """The description of a value from its bytes."""
    return Array(dtype=dtype, shape=shape, sha256=array_digest(dtype, shape, content), blob=sha256(content))


def from_json(content: bytes) -> Observation:
    """An observation from its canonical bytes; RefusedInput says what is wrong and where."""
    raw = load_json(content)
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if type(schema) is not int or schema != SCHEMA:
        raise RefusedInput(f"schema {schema!r}; this bench reads {SCHEMA}: a newer bench wrote it, or no bench")
    try:
        found = Observation.model_validate_json(json.dumps(raw))
        if found.to_json() != content:
            raise RefusedInput("not in the form that a bench writes")
    except ValidationError as error:
        raise RefusedInput(problem(error)) from None
    except (RecursionError, ValueError) as error:
        raise RefusedInput(f"not JSON: {error}") from None
    return found


def verify(observation: Observation, content: bytes) -> None:
    """Recomputes both digests of a value from its bytes; RefusedInput says what is off."""
    value = observation.value
    if value.nbytes != len(content):
        raise RefusedInput(f"{len(content)} bytes; shape {list(value.shape)} of {value.dtype} has {value.nbytes}")
    if len(body := observation.to_json()) > BODY_LARGEST:
        raise RefusedInput(f"{len(body)} bytes beside the value; the limit is {BODY_LARGEST}")
    if value.dtype == "|b1" and content.translate(None, b"\0\1"):
        raise RefusedInput("a byte of a bool that is neither 0 nor 1")
    if array(value.dtype, value.shape, content) != value:
        raise RefusedInput(f"the bytes do not have the digest {value.sha256[:12]}")


def read_array(observation: Observation, content: bytes) -> NDArray[Any]:
    """The value as NumPy; bfloat16 comes as its bits, uint16."""
    value = observation.value
    dtype = np.dtype("<u2") if value.dtype == "bfloat16" else np.dtype(value.dtype)
    return np.frombuffer(content, dtype=dtype, count=math.prod(value.shape)).reshape(value.shape)
