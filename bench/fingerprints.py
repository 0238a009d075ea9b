"""Fingerprints as flat mappings of strings: what a record and an observation have in common about who computed."""

import math
from collections.abc import Mapping
from typing import Any

from bench.records import Record

#: Beyond this a float64 no longer holds every whole number, so 1e300 is not written out.
WHOLE = 2**53


def text(value: object) -> str:
    """One value as text: numbers that are equal have one text, whatever their type; true, false and null as in JSON."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(text(one) for one in value)
    return str(value)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings with their keys joined by dots: {"cpu": {"cores": 8}} becomes {"cpu.cores": "8"}; mappings in
    a list are numbered from 0."""
    found: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            value = {str(number): one for number, one in enumerate(value)}
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        else:
            found[name] = text(value)
    return found


def of_record(record: Record) -> dict[str, str]:
    """Who computed a record: `stack`, `hardware.*`, `surroundings.*`, `variables.*`, `framework.*`, `controls.*`,
    `executor.*` and `libraries`. The digest of the hardware is left out: it varies with any other key."""
    found = flat({"executor": record.executor})
    if record.fingerprint is not None:
        seen = record.fingerprint
        found |= flat(
            {
                "stack": seen.stack,
                "hardware": {key: value for key, value in seen.hardware.items() if key != "digest"},
                "surroundings": seen.surroundings,
                "variables": seen.variables,
                "libraries": list(seen.libraries),
            }
        )
    if record.outcome is not None:
        controls = {one.name: f"{text(one.asked)} ({one.state})" for one in record.outcome.controls}
        found |= flat({"framework": record.outcome.framework, "controls": controls})
    return found
