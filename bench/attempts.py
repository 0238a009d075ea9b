"""From what an executor brings back to a record: the one place where a guest's output is taken in."""

import json
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bench import sbom
from bench.digests import sha256
from bench.errors import RefusedInput
from bench.executors import Attempt
from bench.records import ArraysFile, Fingerprint, Outcome, Record, RunKey, Status
from bench.verification import verify

#: Keys of the guest's record that are not the outcome's.
ENVELOPE = ("schema", "status", "reason", "environment")
GUEST_SCHEMA = 2
STATUS: TypeAdapter[Status] = TypeAdapter(Status)


def fingerprint(environment: dict[str, Any], add_blob: Callable[[bytes], str]) -> Fingerprint:
    """The fingerprint of a guest's `environment`; the stack's long lists and its bill of materials become blobs."""
    stack = environment["stack"]
    blob = add_blob((json.dumps(stack, sort_keys=True) + "\n").encode())
    return Fingerprint.model_validate_json(
        json.dumps(
            {
                "stack": stack["digest"],
                "stack_blob": blob,
                "sbom": add_blob(sbom.document(stack)),
                **{key: environment[key] for key in ("hardware", "surroundings", "variables", "libraries")},
            }
        )
    )


def to_record(
    key: RunKey,
    attempt: Attempt,
    *,
    identity: str,
    started: str,
    ended: str,
    executor: str,
    add_blob: Callable[[bytes], str],
) -> tuple[Record, bytes]:
    """The record of an attempt and the bytes of its arrays. It never raises for what a guest left: it says so."""
    status, reason, outcome, seen, content = _read(attempt, add_blob)
    if seen is not None:
        machine = key.machine.model_copy(update={"hardware": seen.hardware["digest"]})
        key = key.model_copy(update={"stack": seen.stack, "machine": machine})

    def record(status: Status, reason: str | None, outcome: Outcome | None, content: bytes) -> Record:
        arrays = ArraysFile(sha256=sha256(content), nbytes=len(content)) if outcome and outcome.repeats else None
        return Record(
            run=key,
            attempt=identity,
            started=started,
            ended=ended,
            status=status,
            reason=reason,
            executor={"name": executor, **attempt.facts},
            fingerprint=seen,
            outcome=outcome,
            arrays=arrays,
            output_tail=attempt.tail,
        )

    made = record(status, reason, outcome, content)
    try:
        verify(made, content)
    except RefusedInput as error:
        return record("failed", f"the guest left a record that cannot be trusted: {error}", None, b""), b""
    return made, content if made.arrays else b""


def _read(
    attempt: Attempt, add_blob: Callable[[bytes], str]
) -> tuple[Status, str | None, Outcome | None, Fingerprint | None, bytes]:
    """(status, reason, outcome, fingerprint, arrays) of what is in the attempt's files."""
    body = attempt.files.get("record.json")
    if attempt.status in ("skipped", "unavailable", "timeout") or (body is None and attempt.status != "ok"):
        return attempt.status, attempt.reason, None, None, b""
    if body is None:
        return "failed", "the guest ended without leaving a record; its last output is kept", None, None, b""
    try:
        raw = json.loads(body)
        _check_schema(raw["schema"])
        seen = fingerprint(raw["environment"], add_blob)
        outcome = Outcome.model_validate_json(
            json.dumps({name: value for name, value in raw.items() if name not in ENVELOPE})
        )
        status, reason = STATUS.validate_python(raw["status"]), raw["reason"]
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        return "failed", f"the guest left a record that cannot be read: {error}", None, None, b""
    if attempt.status != "ok" and status == "ok":
        reason = f"after its record was complete: {attempt.reason}"
    return status, reason, outcome, seen, attempt.files.get("arrays.bin", b"")


def _check_schema(schema: object) -> None:
    if schema != GUEST_SCHEMA:
        raise ValueError(f"schema {schema!r}, not {GUEST_SCHEMA}")
