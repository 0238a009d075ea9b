"""What a run left behind: the record, its schema, and the arrays that belong to it.

Schema history
  1  first (2026-11).
  2  fingerprint.sbom: the digest of the stack's bill of materials; null in records of schema 1 (2026-11).
  3  of a repeat: steps, replay and optimizer_digest; null in records of schemas 1 and 2 (2026-11).
A reader exists for every schema; `UPGRADES[n]` turns a raw record of schema n into one of n + 1.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bench.errors import RefusedInput

SCHEMA = 3


def _to_2(raw: dict[str, Any]) -> dict[str, Any]:
    seen = raw.get("fingerprint")
    return {**raw, "schema": 2, "fingerprint": {**seen, "sbom": None} if isinstance(seen, dict) else seen}


def _to_3(raw: dict[str, Any]) -> dict[str, Any]:
    new = {"steps": None, "replay": None, "optimizer_digest": None}
    outcome = raw.get("outcome")
    if isinstance(outcome, dict) and isinstance(outcome.get("repeats"), list):
        repeats = [{**new, **one} if isinstance(one, dict) else one for one in outcome["repeats"]]
        outcome = {**outcome, "repeats": repeats}
    return {**raw, "schema": 3, "outcome": outcome}


UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _to_2, 2: _to_3}

#: Bytes of an element, for each dtype that a record may hold; bfloat16 has no NumPy dtype and is kept as bits.
ITEM_SIZES = {
    "<f2": 2,
    "bfloat16": 2,
    "<f4": 4,
    "<f8": 8,
    "|b1": 1,
    "|i1": 1,
    "|u1": 1,
    "<i2": 2,
    "<i4": 4,
    "<i8": 8,
    "<u2": 2,
    "<u4": 4,
    "<u8": 8,
}

#: No array is larger, in bytes; and NumPy has no more dimensions than these.
LARGEST = 2 * 1024**3
DIMENSIONS = 32

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
HexFloat = Annotated[str, Field(pattern=r"^(-?0x[01]\.[0-9a-f]+p[+-]\d+|-?inf|-?nan)$")]
Status = Literal["ok", "failed", "timeout", "skipped", "unavailable"]
Shape = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=DIMENSIONS)]
Json = Any


def array_nbytes(dtype: str, shape: Sequence[int]) -> int:
    """Size in bytes of an array, before there is one. RefusedInput for a dtype that records do not hold, and for a
    shape that no array can have: an empty one counts as if its zeros were ones, since NumPy counts so too."""
    if dtype not in ITEM_SIZES:
        raise RefusedInput(f"dtype {dtype!r}; legal: {', '.join(ITEM_SIZES)}")
    if math.prod(max(1, length) for length in shape) * ITEM_SIZES[dtype] > LARGEST:
        raise RefusedInput(f"shape {list(shape)} of {dtype}; the limit is {LARGEST} bytes")
    return math.prod(shape) * ITEM_SIZES[dtype]


class Value(BaseModel):
    """A frozen, strictly read part of a record; unknown keys are refused, and numbers that JSON cannot spell."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _known(value: dict[str, Json]) -> dict[str, Json]:
    """Free JSON by key; what readers walk through has a form of its own, or is null. ValueError if it is another."""
    for name, kind in (("gpus", list), ("nvidia_gpus", list), ("base", dict)):
        if not isinstance(value.get(name) or kind(), kind):
            raise ValueError(f"{name}: {json_kind(value[name])}; legal: {json_kind(kind())} or null")  # noqa: TRY004 -- pydantic's
    gpus: Any = value.get("nvidia_gpus") or []
    if not all(isinstance(one, dict) for one in gpus):
        raise ValueError("nvidia_gpus: an element that is no JSON object")
    return value


#: What a guest or executor saw, by key.
Facts = Annotated[dict[str, Json], AfterValidator(_known)]


class Array(Value):
    """One array of `arrays.bin`: `sha256` covers dtype, shape and bytes; `offset` is in bytes."""

    name: str
    dtype: str
    shape: Shape
    offset: Annotated[int, Field(ge=0)]
    sha256: Digest

    @property
    def nbytes(self) -> int:
        """Size in bytes; RefusedInput as `array_nbytes` says."""
        try:
            return array_nbytes(self.dtype, self.shape)
        except RefusedInput as error:
            raise RefusedInput(f"array {self.name}: {error}") from None


class Steps(Value):
    """After each batch of a fit: the loss as Keras tells it (Keras 3: the mean of the epoch so far), float64, and the
    digest of all weights."""

    losses: Array
    digests: tuple[Digest, ...]


class Replay(Value):
    """The first batch again from the initial weights, after all fits: what each layer gives, and each weight's first
    update. Not what the training itself did."""

    activations: tuple[Array, ...]
    updates: tuple[Array, ...]


class Repeat(Value):
    """One fit: `trajectory` holds each weight with the epochs as first axis, `losses` is (epochs,) float64. The
    optimizer's state has a digest of its own, which means something within one stack alone."""

    initial_weights: tuple[Array, ...]
    final_weights: tuple[Array, ...]
    predictions: Array
    losses: Array
    trajectory: tuple[Array, ...] | None
    epoch_digests: tuple[Digest, ...] | None
    steps: Steps | None
    replay: Replay | None
    optimizer_digest: Digest | None
    score: HexFloat
    times: dict[str, float]

    @property
    def score_value(self) -> float:
        return float.fromhex(self.score)

    def path(self) -> tuple[str, ...] | None:
        """Digests of the weights on the way, or None where they were not kept. The result digest does not cover
        them, since what is kept on the way depends on the trace level."""
        if self.epoch_digests is not None:
            return self.epoch_digests
        return None if self.trajectory is None else tuple(array.sha256 for array in self.trajectory)

    def ways(self) -> tuple[tuple[str, ...] | None, ...]:
        """Each kind of digests on the way: after epochs, after steps; None where they were not kept."""
        return self.path(), self.steps.digests if self.steps else None

    def arrays(self) -> tuple[Array, ...]:
        """Every array of this repeat."""
        observed = (*self.initial_weights, *self.final_weights, self.losses, self.predictions)
        more = (*(self.trajectory or ()), *((self.steps.losses,) if self.steps else ()))
        return (*observed, *more, *((*self.replay.activations, *self.replay.updates) if self.replay else ()))


class Workload(Value):
    """What was trained, as the guest saw it; `configuration` is for people and is not compared."""

    name: str
    score: str
    steps_per_epoch: int
    data: dict[str, Digest]
    hyperparameters: dict[str, str]
    configuration: Json


class ControlState(Value):
    name: str
    asked: Json
    state: Literal["in force", "not in force", "unverified"]
    evidence: str


class Outcome(Value):
    """What the guest computed: repeats, what it was told, what took effect, how long it took."""

    job: dict[str, Json]
    workload: Workload | None = None
    controls: tuple[ControlState, ...] = ()
    stages: dict[str, Literal["observed", "unobserved", "supplied", "replayed"]] = {}
    repeats: tuple[Repeat, ...] = ()
    result_digest: Digest | None = None
    framework: dict[str, str] = {}
    devices: tuple[str, ...] = ()
    compile_cache: str | None = None
    times: dict[str, float] = {}
    peak_memory_bytes: int
    process: dict[str, float]
    traceback: str | None = None

    @property
    def scores(self) -> tuple[float, ...]:
        """The score of each fit, in order."""
        return tuple(repeat.score_value for repeat in self.repeats)


class Fingerprint(Value):
    """Who computed: `stack` is the digest of the packages and interpreter, `stack_blob` names the blob that lists them
    and `sbom` the one with their CycloneDX bill of materials; the rest is this machine, that day."""

    stack: Digest
    stack_blob: Digest
    sbom: Digest | None
    hardware: Facts
    surroundings: Facts
    variables: dict[str, str]
    libraries: tuple[str, ...]

    def blobs(self) -> tuple[str, ...]:
        """Digests of the blobs that belong to it."""
        return (self.stack_blob, *([self.sbom] if self.sbom else []))


class Machine(Value):
    """A machine's label and the digest of its hardware keys (None if the run never reached it)."""

    label: str
    hardware: Digest | None


class RunKey(Value):
    """What makes a run this run: two records with one key are attempts at the same thing."""

    cell: str
    seeds: dict[str, int]
    stack: Digest | None
    machine: Machine
    campaign: str
    index: int


class ArraysFile(Value):
    sha256: Digest
    nbytes: int


class Record(Value):
    """An attempt at a run: immutable once stored. `executor` says where and under which limits it ran."""

    schema_: Literal[3] = Field(alias="schema", default=3)
    run: RunKey
    attempt: str
    started: str
    ended: str
    status: Status
    reason: str | None
    executor: Facts
    fingerprint: Fingerprint | None
    outcome: Outcome | None
    arrays: ArraysFile | None
    output_tail: str

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    def to_json(self) -> bytes:
        """Canonical bytes: sorted keys, no NaN literal, one line."""
        value = self.model_dump(mode="json", by_alias=True)
        return (json.dumps(value, allow_nan=False, sort_keys=True) + "\n").encode()


def result_lines(repeats: tuple[Repeat, ...]) -> list[str]:
    """The lines that the result digest covers, in order; the guest's bits.result_lines states the same."""
    lines: list[str] = []
    for index, repeat in enumerate(repeats):
        for part in ("initial_weights", "final_weights"):
            lines += [f"{index} {part} {array.name} {array.sha256}" for array in getattr(repeat, part)]
        lines += [f"{index} {part} {getattr(repeat, part).sha256}" for part in ("losses", "predictions")]
        lines.append(f"{index} score {repeat.score}")
    return lines


def from_json(content: bytes) -> Record:
    """A record from its bytes, older schemas upgraded. RefusedInput says what is wrong and where."""
    raw = load_json(content)
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if type(schema) is not int or not 1 <= schema <= SCHEMA:  # True is an int to isinstance
        raise RefusedInput(f"schema {schema!r}; this bench reads 1 to {SCHEMA}: a newer bench wrote it, or no bench")
    while schema < SCHEMA:
        raw = UPGRADES[schema](raw)
        schema += 1
    try:
        return Record.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise RefusedInput(problem(error)) from None
    except RecursionError as error:
        raise RefusedInput(f"not JSON: {error}") from None


def problem(error: ValidationError) -> str:
    """The first thing that is wrong with a value, with its path."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"$.{where}: {first['msg']} ({error.error_count()} problems in all)"


def load_json(content: bytes) -> Any:
    """JSON as the standard has it: no NaN, no number beyond float64, no key twice. RefusedInput for all else."""
    try:
        return json.loads(content, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"not JSON: {error}") from None


def is_canonical(body: bytes) -> bool:
    """Whether bytes are in the one form that `to_json` of this or an older bench gives a record."""
    try:
        return (json.dumps(json.loads(body), allow_nan=False, sort_keys=True) + "\n").encode() == body
    except (ValueError, RecursionError):
        return False


def json_kind(value: object) -> str:
    """What JSON calls a value, for a sentence about one that is of the wrong kind."""
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return f"a JSON {kinds.get(type(value), 'number')}"


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is too large for a float64")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a key twice among {', '.join(ascii(key) for key in list(found)[:5])}")
    return found


def read_array(array: Array, content: bytes) -> np.ndarray[Any, Any]:
    """The array as NumPy; bfloat16 comes as its bits, uint16."""
    dtype = np.dtype("<u2") if array.dtype == "bfloat16" else np.dtype(array.dtype)
    flat = np.frombuffer(content, dtype=dtype, count=math.prod(array.shape), offset=array.offset)
    return flat.reshape(array.shape)
