"""matrix.yaml as written: its keys and their types, and what a message says of one that is off."""

import contextlib
import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from bench.cpus import CPUS
from bench.errors import UsageError, sentence

Scope = Literal["run", "machine", "backend", "control", "night", "published"]
Trace = Literal["scores", "epochs", "steps", "layers", "full"]
#: NumPy takes seeds of 32 bits, and the backend gets seed + 1.
Seed = Annotated[int, Field(ge=0, lt=2**32 - 1)]


class Entry(BaseModel):
    """A part of the file: strict types, unknown keys refused, frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Limits(Entry):
    """Limits of one container: memory in MiB, number of processes, seconds of wall time."""

    memory_mb: int = Field(ge=64)
    processes: int = Field(ge=8)
    seconds: float = Field(gt=0)


class BackendEntry(Entry):
    title: str
    framework: str
    python: str = Field(pattern=r"^\d+\.\d+$")
    accelerator: Literal["cpu", "gpu"] = "cpu"
    seedings: list[Literal["unseeded", "numpy", "full", "keras"]] | None = Field(default=None, min_length=1)
    inits: list[Literal["native", "supplied"]] | None = Field(default=None, min_length=1)
    presets: list[str] | None = Field(default=None, min_length=1)
    workloads: list[str] | None = Field(default=None, min_length=1)
    architectures: list[Literal["x86_64", "aarch64"]] = Field(default=["x86_64"], min_length=1)
    compile_cache: bool = False
    disk_mb: int = Field(default=0, ge=0)


class WorkloadEntry(Entry):
    repeats: int = Field(ge=1)
    epochs: int = Field(ge=1)


class CellsEntry(Entry):
    cells: str
    runs: int | None = Field(default=None, ge=1)
    trace: Trace | None = None


def _day(value: object) -> object:
    """A date as YAML reads it, or as text in quotes."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(value)
    if type(value) is not dt.date:  # a time of day is a date to isinstance
        raise PydanticCustomError("no_date", "not a date; legal: YYYY-MM-DD, such as 2027-01-31")
    return value


class ExpectationEntry(Entry):
    """With `until` and `reason` a known exception: a breach is excused up to that day, the day included."""

    where: str
    scope: Scope
    at_least: str
    required: bool = False
    until: Annotated[dt.date, BeforeValidator(_day)] | None = None
    reason: str | None = Field(default=None, min_length=1)


class ReferenceEntry(Entry):
    lane: str
    where: str


class EmulatorEntry(Entry):
    """A machine by an emulator: the CPU that QEMU shows, and by how much limits of time are stretched."""

    qemu: str
    slower: float = Field(ge=1, le=1000)

    @field_validator("qemu")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CPUS:
            raise PydanticCustomError("unknown_name", "unknown CPU", {"legal": list(CPUS)})
        return value


#: A label of a runner on GitHub, or a tag on GitLab.
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class RunnerEntry(Entry):
    """A machine of the nightly: by which labels a service finds it, and how its work is cut into jobs."""

    github: list[Label] = Field(min_length=1)
    gitlab: list[Label] = Field(min_length=1)
    accelerator: Literal["cpu", "gpu"] = "cpu"
    jobs: Literal["backend", "machine"] = "backend"


#: A machine by caps: variables that the libraries of a guest read.
Caps = dict[Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]*$")], str]


def _form(value: object) -> str:
    """Which form an emulation has: variables are in capitals, the keys of an emulator are not."""
    capitals = isinstance(value, dict) and all(str(key).isupper() for key in value)
    return "caps" if capitals else "emulator"


Emulation = Annotated[Annotated[Caps, Tag("caps")] | Annotated[EmulatorEntry, Tag("emulator")], Discriminator(_form)]


class File(Entry):
    """The file as written."""

    schema_: Literal[1] = Field(alias="schema")
    backends: dict[str, BackendEntry] = Field(min_length=1)
    workloads: dict[str, WorkloadEntry] = Field(min_length=1)
    presets: dict[str, dict[str, Any]] = Field(min_length=1)
    fail_closed: list[str] = []
    exclude: list[str] = []
    seeds: list[Seed] = Field(min_length=1)
    runs: int = Field(ge=1)
    trace: Trace
    limits: Limits
    emulations: dict[str, Emulation] = {}
    runners: dict[str, RunnerEntry] = {}
    default: list[str | CellsEntry]
    all_workloads: list[str | CellsEntry] = []
    yardstick: str | None = None
    references: list[ReferenceEntry] = []
    expect: list[ExpectationEntry] = []


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice; PyYAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise UsageError(
                    f"line {key.start_mark.line + 1}: the key {key.value!r} is given twice; keep one of them"
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(path: Path) -> File:
    """The file at a path; UsageError names every key and type that is off, with its path, value and legal values."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, OSError, ValueError) as error:  # ValueError: a date that is none, such as 2027-02-30
        raise UsageError(f"{path}: not readable as YAML: {error}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    if not isinstance(raw, dict):
        what = type(raw).__name__
        legal = ", ".join(_keys([]))
        raise UsageError(f"{path}: {what} at the top; legal: a mapping with the keys {legal}")
    try:
        return File.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(one) for one in error.errors() if not _is_echo(one)]
        raise UsageError(f"{path}:\n" + "\n".join(f"  {one}" for one in problems)) from None


def _is_echo(error: Any) -> bool:
    """A union reports each of its alternatives; for lists of cells the one about strings says nothing more."""
    return (
        error["loc"][0] in ("default", "all_workloads")
        and error["loc"][-1] == "str"
        and isinstance(error["input"], dict)
    )


def _problem(error: Any) -> str:
    """One line for one of pydantic's errors: path, value, legal values, did you mean."""
    location = [part for part in error["loc"] if part not in ("str", "CellsEntry")]
    if location[:1] == ["emulations"]:
        location[2:3] = []  # the form that the entry was taken for
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return sentence(path=path, what="unknown key", seen=str(location[-1]), legal=_keys(location[:-1]))
    if kind == "unknown_name":
        return sentence(path=path, what=error["msg"], seen=value, legal=error["ctx"]["legal"])
    if kind == "missing":
        return f"{path}: missing; it must be given"
    if kind == "literal_error":
        return sentence(
            path=path,
            what="unknown value",
            seen=value,
            legal=[word.strip("' ") for word in re.split(r",| or ", error["ctx"]["expected"])],
        )
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'{path}: {value!r} is a number here; legal: text, so quote it: "{value}"'
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}; seen {value!r}"


#: Which entry stands at a path of the file, for the legal keys of a message.
SHAPES: dict[tuple[str, ...], type[Entry]] = {
    (): File,
    ("backends", "*"): BackendEntry,
    ("workloads", "*"): WorkloadEntry,
    ("limits",): Limits,
    ("emulations", "*"): EmulatorEntry,
    ("runners", "*"): RunnerEntry,
    ("default", "*"): CellsEntry,
    ("all_workloads", "*"): CellsEntry,
    ("expect", "*"): ExpectationEntry,
    ("references", "*"): ReferenceEntry,
}


def _keys(location: Sequence[Any]) -> list[str]:
    shape = tuple("*" if place else str(part) for place, part in enumerate(location))
    entry = SHAPES.get(shape)
    return [field.alias or name for name, field in entry.model_fields.items()] if entry else []
