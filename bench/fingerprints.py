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
    """What a stack lists. It is JSON, and that is all that is known of it: what is no line of a guest gives no key."""
    for name, version, *rest in _lines(stack.get("distributions")):
        yield f"package.{name.lower()}", " ".join([version, *(part[:12] for part in rest[:1])])
    for name, version, *_ in _lines(stack.get("debian_packages")):
        yield f"debian.{name}", version
    interpreter = stack.get("interpreter")
    for key, value in interpreter.items() if isinstance(interpreter, dict) else ():
        yield f"interpreter.{key}", text(value)
    yield "guest", str(stack.get("guest"))


def _lines(listed: object) -> Iterator[list[str]]:
    """The words of each line that has a name and a version."""
    for line in listed if isinstance(listed, list) else ():
        words = line.split() if isinstance(line, str) else []
        if len(words) > 1:
            yield words
