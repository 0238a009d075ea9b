"""A record's fingerprint as flat keys and values: what may explain why its result is another machine's or not."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bench.records import Record

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
    found = {f"hardware.{key}": _text(value) for key, value in seen.hardware.items()}
    found |= {f"cpu_flag.{flag}": "yes" for flag in str(seen.hardware.get("cpu_flags") or "").split()}
    found |= {f"surroundings.{key}": _text(value) for key, value in seen.surroundings.items()}
    for number, gpu in enumerate(seen.surroundings.get("nvidia_gpus") or []):
        found |= {f"gpu.{number}.{key}": _text(value) for key, value in gpu.items()}
    found |= {f"variable.{key}": value for key, value in seen.variables.items()}
    found |= {f"library.{name}": "loaded" for name in seen.libraries}
    found |= dict(_stack(stack))
    found |= {f"executor.{key}": _text(value) for key, value in record.executor.items()}
    found |= {"executor": str(record.executor.get("name")), "stack": seen.stack}
    if record.outcome is not None:
        found |= {f"control.{one.name}": _text(one.asked) for one in record.outcome.controls}
        found["compile_cache"] = _text(record.outcome.compile_cache)
    return {key: value for key, value in found.items() if key not in PASSING}


def _stack(stack: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for line in stack.get("distributions") or []:
        name, version, record_hash = line.split()
        yield f"package.{name.lower()}", f"{version} {record_hash[:12]}"
    for line in stack.get("debian_packages") or []:
        name, version, *_ = line.split()
        yield f"debian.{name}", version
    for key, value in (stack.get("interpreter") or {}).items():
        yield f"interpreter.{key}", _text(value)
    yield "guest", str(stack.get("guest"))


def _text(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
