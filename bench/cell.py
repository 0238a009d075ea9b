"""A cell of the matrix: workload x backend x seeding x init lane x preset, with one printable id."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from bench.errors import UsageError, sentence

SEEDINGS = ("unseeded", "numpy", "full", "keras")
INITS = ("native", "supplied")

#: A part is safe in file names, labels and patterns.
PART = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True, kw_only=True, order=True)
class Cell:
    """`Cell.parse(str(cell)) == cell`. Seed values belong to a run, not to a cell."""

    workload: str
    backend: str
    seeding: str
    init: str
    preset: str

    def __str__(self) -> str:
        return "/".join((self.workload, self.backend, self.seeding, self.init, self.preset))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cell of an id such as `mlp/theano-cpu/numpy/native/default`; UsageError says which part is off."""
        parts = text.split("/")
        if len(parts) != len(dataclasses.fields(cls)) or not all(PART.fullmatch(part) for part in parts):
            raise UsageError(
                f"{text!r}: not a cell; a cell is workload/backend/seeding/init/preset, each of a-z 0-9 . -"
            )
        cell = cls(**dict(zip((field.name for field in dataclasses.fields(cls)), parts, strict=True)))
        for name, legal in (("seeding", SEEDINGS), ("init", INITS)):
            if getattr(cell, name) not in legal:
                raise UsageError(sentence(path=text, what=f"unknown {name}", seen=getattr(cell, name), legal=legal))
        return cell

    def matches(self, pattern: str) -> bool:
        """Whether the id matches a shell pattern; `*` also crosses slashes."""
        return fnmatchcase(str(self), pattern)

    def replace(self, **changes: str) -> Self:
        """A cell with some parts changed."""
        return dataclasses.replace(self, **changes)


def selected(name: str, patterns: Sequence[str]) -> bool:
    """Whether a cell's id (or an observation's subject) is meant: there are no patterns, or one of them matches."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
