"""Fingerprints as flat mappings of strings: who computed, in one form for records and observations."""

import math
from collections.abc import Iterator, Mapping
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


#: Facts of one moment or one process: they differ on every run and explain nothing.
PASSING = frozenset({"surroundings.load", "surroundings.date", "hardware.digest", "hardware.cpu_flags",
                     "executor.container", "executor.pid", "executor.exit_code", "executor.limits", "executor.base",
                     "executor.name", "hardware.gpus", "surroundings.nvidia_gpus"})  # fmt: skip


def keys(record: Record, stack: Mapping[str, Any]) -> dict[str, str]:
    """Every key that a record's result may depend on besides what was computed, as text; `stack` is its stack blob.

    `hardware.*`, `cpu_flag.*` and `gpu.<n>.*` are the machine, `surroundings.*` its kernel, C library and limits,
    `package.*`, `debian.*` and `interpreter.*` the stack, `variable.*`, `library.*`, `control.*` and `executor.*` how
    the run was made. A flag, library or package that is not there has no key.
    """
    seen = record.fingerprint
    assert seen is not None  # only runs that are ok have a class
    found = {f"hardware.{key}": text(value) for key, value in seen.hardware.items()}
    found |= {f"cpu_flag.{flag}": "yes" for flag in str(seen.hardware.get("cpu_flags") or "").split()}
    found |= {f"surroundings.{key}": text(value) for key, value in seen.surroundings.items()}
    for number, gpu in enumerate(seen.surroundings.get("nvidia_gpus") or []):
        found |= {f"gpu.{number}.{key}": text(value) for key, value in gpu.items()}
    found |= {f"variable.{key}": value for key, value in seen.variables.items()}
    found |= {f"library.{name}": "loaded" for name in seen.libraries}
    found |= dict(_stack(stack))
    found |= {f"executor.{key}": text(value) for key, value in record.executor.items()}
    found |= {"executor": str(record.executor.get("name")), "stack": seen.stack}
    if record.outcome is not None:
        found |= {f"control.{one.name}": text(one.asked) for one in record.outcome.controls}
        found["compile_cache"] = text(record.outcome.compile_cache)
    return {key: value for key, value in found.items() if key not in PASSING}


def _stack(stack: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for line in stack.get("distributions") or []:
        name, version, record_hash = line.split()
        yield f"package.{name.lower()}", f"{version} {record_hash[:12]}"
    for line in stack.get("debian_packages") or []:
        name, version, *_ = line.split()
        yield f"debian.{name}", version
    for key, value in (stack.get("interpreter") or {}).items():
        yield f"interpreter.{key}", text(value)
    yield "guest", str(stack.get("guest"))
