"""Numbers as text: CSV and JSON. Each becomes the float64 nearest to it, which is what is compared.

Accepted are decimals, C's hexadecimal floats (0x1.8p+1), nan and inf, in JSON also as strings, since JSON has no NaN.
A whole number that float64 cannot hold is refused, and so is what is beyond its range or too near 0 for it: two of them
could read as equal.
"""

import csv
import json
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import RefusedInput
from bench.tensors import UNNAMED, Held, Tensor, Tensors, elements_of
from bench.tensors.mapped import Contiguous, File, spooled

#: JSON is read as a whole; more of it than this is refused.
LARGEST_JSON = 256 * 1024**2
#: Characters of one CSV line.
LONGEST_LINE = 16 * 1024**2
#: Rows that are parsed at a time.
ROWS = 4096
DELIMITERS = (",", ";", "\t")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf(inity)?)", re.IGNORECASE)
HEXADECIMAL = re.compile(r"[+-]?0x[0-9a-f]*\.?[0-9a-f]*(p[+-]?\d+)?", re.IGNORECASE)
FLOAT64 = elements_of(np.dtype("<f8"))


def number(text: str) -> float:
    """The float64 of a text; ValueError if it is no number, or one that float64 cannot hold even nearly."""
    text = text.strip()
    digits = text.lstrip("+-").lower()
    if HEXADECIMAL.fullmatch(text):
        digits = digits[2:].partition("p")[0]
        try:
            value = float.fromhex(text)
        except OverflowError:
            value = math.inf
    elif NUMBER.fullmatch(text):
        value = float(text)
        whole, _, fraction = digits.partition(".")
        if len(text) > 15 and whole.isdigit() and not fraction.strip("0") and int(whole) != abs(value):
            raise ValueError(f"{text[:40]} is a whole number that float64 cannot hold")
        digits = digits.partition("e")[0]
    else:
        raise ValueError(f"{text[:40]!r} is no number")
    if math.isinf(value) and not digits.startswith("inf"):
        raise ValueError(f"{text[:40]} is beyond float64")
    if value == 0 and digits.strip("0."):
        raise ValueError(f"{text[:40]} is nearer to 0 than any float64")
    return value


def read_csv(path: Path, stack: ExitStack) -> Tensors:
    """A column a tensor where the first line names them, otherwise all rows as one array of two axes.

    Separated by comma, semicolon, tab or blanks; `#` begins a comment line; an empty field is NaN. The numbers go to
    a temporary file, a row after another, so that a file larger than memory can be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            rows = _rows(stream)
            first = next(rows, None)
            if first is None:
                raise RefusedInput("no line of numbers")
            names = None if all(_is_number(field) for field in first[1]) else [field.strip() for field in first[1]]
            if names and len(set(names)) < len(names):
                raise RefusedInput(f"two columns have one name: {', '.join(names)}")
            table = Table(rows if names else chain([first], rows), len(first[1]))
            file = spooled(table.blocks(), stack, str(path))
        except UnicodeDecodeError as error:
            raise RefusedInput(f"no UTF-8 text: {error}") from None
    if names is None:
        source = Contiguous(file=file, offset=0, storage=FLOAT64.storage)
        return {UNNAMED: Tensor(elements=FLOAT64, shape=(table.count, table.width), source=source)}
    return {
        name: Tensor(elements=FLOAT64, shape=(table.count,), source=Column(file, place, table.width))
        for place, name in enumerate(names)
    }


class Column:
    """Every `width`-th float64 of a file of rows, from one place in the row."""

    grain = 1

    def __init__(self, file: File, place: int, width: int) -> None:
        self.rows = Contiguous(file=file, offset=0, storage=FLOAT64.storage)
        self.place, self.width = place, width

    def read(self, start: int, stop: int, room: NDArray[Any] | None = None) -> NDArray[Any]:
        """A copy, made of a few rows at a time."""
        step = max(1, ROWS * 64 // self.width)
        parts = [
            self.rows.read(row * self.width, min(row + step, stop) * self.width)[self.place :: self.width].copy()
            for row in range(start, stop, step)
        ]
        return np.concatenate([np.empty(0, dtype=FLOAT64.storage), *parts])


class Table:
    """Rows of a CSV file as they are parsed; `count` of them so far."""

    def __init__(self, rows: Iterator[tuple[int, list[str]]], width: int) -> None:
        self.rows, self.width, self.count = rows, width, 0

    def blocks(self) -> Iterator[bytes]:
        """The numbers as float64, some rows at a time."""
        while part := list(islice(self.rows, ROWS)):
            self.count += len(part)
            yield np.array([self._parsed(line, fields) for line, fields in part], dtype="<f8").tobytes()

    def _parsed(self, line: int, fields: list[str]) -> list[float]:
        if len(fields) != self.width:
            raise RefusedInput(f"line {line}: {len(fields)} fields, the first line has {self.width}")
        try:
            return [number(field) if field.strip() else np.nan for field in fields]
        except ValueError as error:
            raise RefusedInput(f"line {line}: {error}") from None


def _rows(stream: IO[str]) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and fields; the first line that is no comment tells the delimiter."""
    delimiter = None
    line = 0
    while text := stream.readline(LONGEST_LINE):
        line += 1
        if len(text) == LONGEST_LINE:
            raise RefusedInput(f"line {line}: longer than {LONGEST_LINE} characters")
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if delimiter is None:
            delimiter = next((one for one in DELIMITERS if one in text), " ")
        if '"' in text:
            try:
                yield line, next(csv.reader([text], delimiter=delimiter, strict=True))
            except csv.Error as error:
                raise RefusedInput(f"line {line}: {error}") from None
        else:
            yield line, text.split() if delimiter == " " else text.rstrip("\r\n").split(delimiter)


def _is_number(field: str) -> bool:
    """Whether a field of the first line is no column's name."""
    text = field.strip()
    return not text or bool(NUMBER.fullmatch(text) or HEXADECIMAL.fullmatch(text))


def read_json(path: Path, stack: ExitStack) -> Tensors:
    """Lists of numbers, nested to any depth, at the paths of the objects that hold them, joined by `/`.

    A list of lists of one length is one tensor; any other list is a path for each of its items.
    """
    if path.stat().st_size > LARGEST_JSON:
        raise RefusedInput(f"{path.stat().st_size} bytes of JSON; the limit is {LARGEST_JSON}: save it as .npy or .npz")
    try:
        found = json.loads(
            path.read_bytes().decode("utf-8-sig"),
            parse_float=number, parse_int=number, parse_constant=number, object_pairs_hook=_once,
        )  # fmt: skip
        return _once(list(_tensors(found, "")))
    except RecursionError:
        raise RefusedInput("nested too deeply") from None
    except ValueError as error:
        raise RefusedInput(f"no readable JSON of numbers: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found


def _tensors(value: object, path: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a JSON value, with their paths."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _tensors(one, f"{path}/{name}" if path else name)
        return
    shape = _shape(value)
    if shape is None:
        assert isinstance(value, list)
        for place, one in enumerate(value):
            yield from _tensors(one, f"{path}[{place}]")
        return
    leaves = list(_leaves(value, path))
    boolean = bool(leaves) and all(isinstance(one, bool) for one in leaves)
    elements = elements_of(np.dtype("?" if boolean else "<f8"))
    values = np.array(leaves, dtype="?" if boolean else "<f8").view(elements.storage)
    yield path or UNNAMED, Tensor(elements=elements, shape=shape, source=Held(values=values))


def _shape(value: object) -> tuple[int, ...] | None:
    """The shape of nested lists; None if they are ragged or hold objects."""
    if not isinstance(value, list):
        return None if isinstance(value, dict) else ()
    inner = {_shape(one) for one in value} or {()}
    one = inner.pop()
    return None if inner or one is None else (len(value), *one)


def _leaves(value: object, path: str) -> Iterator[float | bool]:
    """The numbers in nested lists, in C order; null is NaN."""
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one, path)
    elif isinstance(value, str):
        try:
            yield number(value)
        except ValueError as error:
            raise ValueError(f"{path or UNNAMED}: {error}") from None
    else:
        assert isinstance(value, float | bool | None)
        yield np.nan if value is None else value
