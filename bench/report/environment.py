"""The environment table of the report: one column a stack and machine, one row a fact."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.groups import Group
from bench.records import Record
from bench.report.cells import Names, name_of

#: Gives the bytes of a blob by digest, for the stacks.
Blobs = Callable[[str], bytes]

#: Distributions that the table shows; the stack digest stands for all of them.
SHOWN = re.compile(r"numpy|scipy|pandas|scikit-learn|nvidia-(cuda-runtime|cudnn|nccl|cublas)(-cu\d+)?")


@dataclass(frozen=True, kw_only=True)
class EnvironmentView:
    """One fact of the environment and its value in each of the columns (backends)."""

    name: str
    values: tuple[str, ...]


def views(groups: Sequence[Group], blobs: Blobs, names: Names) -> tuple[tuple[str, ...], tuple[EnvironmentView, ...]]:
    """The names of the columns, and the rows."""
    columns: dict[str, dict[str, str]] = {}
    for group in groups:
        record = group.first.record
        name = f"{group.cell.backend} on {name_of(group, names)}, stack {str(record.run.stack)[:8]}"
        if name not in columns:
            columns[name] = _facts(record, blobs)
    known = list(dict.fromkeys(name for facts in columns.values() for name in facts))
    rows = tuple(
        EnvironmentView(name=name, values=tuple(facts.get(name, "") for facts in columns.values())) for name in known
    )
    return tuple(columns), rows


def _facts(record: Record, blobs: Blobs) -> dict[str, str]:
    outcome, seen = record.outcome, record.fingerprint
    assert outcome is not None
    assert seen is not None
    base = record.executor.get("base") or {}
    facts = {**outcome.framework, **_packages(blobs(seen.stack_blob))}
    facts |= {
        "executor": str(record.executor.get("name")),
        "base image": str(base.get("name") or "none"),
        "base origin": str(base.get("origin") or "none"),
    }
    facts |= {"devices": ", ".join(outcome.devices)}
    facts |= {key: str(seen.hardware.get(key)) for key in ("cpu_model", "cpus", "cpu_caches")}
    facts |= {key: str(seen.surroundings.get(key)) for key in ("kernel", "libc", "microcode")}
    gpus = seen.surroundings.get("nvidia_gpus") or []
    for key in ("name", "compute_cap", "driver_version", "ecc.mode.current") if gpus else ():
        facts[f"GPU {key}"] = ", ".join(str(one.get(key)) for one in gpus)
    facts |= {"stack digest": seen.stack}
    return facts


def _packages(stack: bytes) -> dict[str, str]:
    """The interpreter and the distributions worth showing; nothing of a blob that is not as a guest writes it. It is
    there for people to read: what is compared is the stack digest."""
    try:
        read: Any = json.loads(stack)
        lines = [str(line).split() for line in read["distributions"]]
        facts = {"python": str(read["interpreter"]["version"])}
        return facts | {line[0]: line[1] for line in lines if SHOWN.fullmatch(line[0].lower())}
    except (ValueError, KeyError, IndexError, TypeError):
        return {}
