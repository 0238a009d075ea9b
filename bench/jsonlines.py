"""The import format: JSON Lines of observations that another tool made. docs/import.md is its documentation."""

import base64
import binascii
import math
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import Field, ValidationError

from bench import elements, fingerprints, observations
from bench.errors import RefusedInput, sentence
from bench.observations import LONGEST_TEXT, Count, Line, Observation, Text
from bench.records import Shape, Value, array_nbytes, json_kind, load_json, problem
from bench.store import Refused

SCHEMA = 1

#: The dtypes of an observation, and how records spell them.
DTYPES = {
    "float16": "<f2",
    "bfloat16": "bfloat16",
    "float32": "<f4",
    "float64": "<f8",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "bool": "|b1",
}
#: A line is no longer than this, in bytes: the largest value in base64, and 1 MiB for the rest.
LONGEST = observations.LARGEST * 4 // 3 + 1024**2
#: A list of values is no longer than this; more are given as base64, which is exact and a fifth of the size.
MOST_VALUES = 2**20


class ImportedMachine(Value):
    label: Line | None = None
    fingerprint: Annotated[dict[Line, Any], Field(max_length=5_000)]


class Imported(Value):
    """One line of the format, as it is written."""

    schema_: Literal[1] = Field(alias="schema")
    subject: Line
    machine: ImportedMachine
    run: Line | None = None
    index: Count | None = None
    dtype: str
    shape: Shape
    base64: str | None = None
    values: list[Any] | None = None
    notes: Text | None = None


#: The keys that are legal at a path, for the sentence about one that is not.
KEYS: dict[tuple[int | str, ...], tuple[str, ...]] = {
    (): tuple(field.alias or name for name, field in Imported.model_fields.items()),
    ("machine",): tuple(ImportedMachine.model_fields),
}


def read(stream: BinaryIO) -> Iterator[tuple[Observation, bytes] | Refused]:
    """Each line as an observation and the bytes of its value, or refused as `line N` with the reason. Blank lines are
    passed over. Of a line no more is read than it may have."""
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            while line and not line.endswith(b"\n"):
                line = stream.readline(LONGEST)
            yield Refused(name=f"line {number}", reason=f"longer than {LONGEST} bytes")
            continue
        if not line.strip():
            continue
        try:
            yield parse(line)
        except RefusedInput as error:
            yield Refused(name=f"line {number}", reason=str(error))


def parse(line: bytes) -> tuple[Observation, bytes]:
    """The observation of one line and the bytes of its value; RefusedInput says what is wrong and where."""
    raw = load_json(line)
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if type(schema) is not int or schema != SCHEMA:
        raise RefusedInput(f"$.schema: {ascii(schema)[:60]}; this bench reads {SCHEMA}")
    try:
        imported = Imported.model_validate({**raw, "shape": _tuple(raw.get("shape"))})
    except ValidationError as error:
        raise RefusedInput(_problem(error)) from None
    dtype, content = _content(imported)
    try:
        found = Observation(
            subject=imported.subject,
            machine=observations.Machine(
                label=imported.machine.label,
                fingerprint={key: _text(key, value) for key, value in imported.machine.fingerprint.items()},
            ),
            run=imported.run,
            index=imported.index,
            value=observations.array(dtype, imported.shape, content),
            notes=imported.notes,
        )
    except ValidationError as error:  # text that is no Unicode, since a fingerprint's values were not yet looked at
        raise RefusedInput(problem(error)) from None
    observations.verify(found, content)
    return found, content


def _tuple(shape: object) -> object:
    return tuple(shape) if isinstance(shape, list) else shape


def _text(key: str, value: object) -> str:
    path = f"$.machine.fingerprint.{key}"
    if not isinstance(value, str | bool | int | float):
        raise RefusedInput(f"{path}: {json_kind(value)}; legal: a string, a number, true or false")
    found = fingerprints.text(value)
    if len(found) > LONGEST_TEXT:
        raise RefusedInput(f"{path}: {len(found)} characters; the limit is {LONGEST_TEXT}")
    return found


def _problem(error: ValidationError) -> str:
    """What is wrong first; of an unknown key also the legal ones."""
    for one in error.errors():
        if one["type"] == "extra_forbidden" and one["loc"][:-1] in KEYS:
            path = ".".join(["$", *(str(part) for part in one["loc"][:-1])])
            return sentence(path=path, what="unknown key", seen=one["loc"][-1], legal=KEYS[one["loc"][:-1]])
    return problem(error)


def _content(imported: Imported) -> tuple[str, bytes]:
    """dtype as records spell it, and the bytes of the value, whose number is checked before there are any."""
    if imported.dtype not in DTYPES:
        raise RefusedInput(sentence(path="$.dtype", what="unknown", seen=imported.dtype, legal=DTYPES))
    dtype = DTYPES[imported.dtype]
    shaped = f"shape {list(imported.shape)} of {imported.dtype}"
    try:
        expected = array_nbytes(dtype, imported.shape)
    except RefusedInput as error:
        raise RefusedInput(f"$.shape: {error}") from None
    if expected > observations.LARGEST:
        raise RefusedInput(f"$.shape: {shaped} has {expected} bytes; the limit is {observations.LARGEST}")
    if (imported.base64 is None) == (imported.values is None):
        raise RefusedInput("$: exactly one of base64 and values holds the value")
    if imported.base64 is not None:
        return dtype, _decode(imported.base64, expected, shaped)
    values = imported.values or []
    if len(values) > MOST_VALUES:
        raise RefusedInput(f"$.values: {len(values)} of them; the limit is {MOST_VALUES}: write base64")
    if len(values) != math.prod(imported.shape):
        raise RefusedInput(f"$.values: {len(values)} of them; {shaped} has {math.prod(imported.shape)}")
    return dtype, elements.encode(values, dtype)


def _decode(text: str, expected: int, shaped: str) -> bytes:
    """Bytes of standard base64 (RFC 4648, padded), counted before they are decoded."""
    count = len(text) // 4 * 3 - (len(text[-2:]) - len(text[-2:].rstrip("=")))
    if len(text) % 4 == 0 and count != expected:
        raise RefusedInput(f"$.base64: {count} bytes; {shaped} has {expected}")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedInput(f"$.base64: {error}") from None
    if len(content) != expected:
        raise RefusedInput(f"$.base64: {len(content)} bytes; {shaped} has {expected}")
    return content
