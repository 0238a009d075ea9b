"""Machines by label and hardware: one label may stand for several, which are then told apart and named."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench import records
from bench.errors import RefusedInput
from bench.records import Record
from bench.store import Store

#: So many hex digits of a hardware digest stand for it beside a label.
SHORT = 8
CACHE = "machines.json"

#: label -> hardware digest -> what it is, for people.
Machines = dict[str, dict[str, str]]


def names(found: Iterable[tuple[str, str | None]]) -> dict[tuple[str, str | None], str]:
    """(label, hardware digest) of machines -> their names: the label, and the beginning of the digest where the label
    alone would stand for several."""
    keys = set(found)
    hardware: dict[str, int] = {}
    for label, digest in keys:
        hardware[label] = hardware.get(label, 0) + (digest is not None)
    return {
        (label, digest): f"{label} ({digest[:SHORT]})" if digest and hardware[label] > 1 else label
        for label, digest in keys
    }


def notes(seen: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """A sentence for each label that stands for several machines."""
    return tuple(
        f"machine `{label}` stands for {len(hardware)} different machines: "
        + " and ".join(f"{digest[:SHORT]} ({model})" for digest, model in sorted(hardware.items()))
        + f"; reports name them as `{label} ({min(hardware)[:SHORT]})`, `bench run --machine NAME` gives a label"
        for label, hardware in sorted(seen.items())
        if len(hardware) > 1
    )


def seen(store: Store) -> Machines:
    """Machines of all records of a store; from its cache where no record came or went since, else read anew."""
    try:
        cached = json.loads((store.folder / "cache" / CACHE).read_bytes())
        if cached["stamp"] == _stamp(store):
            return {str(label): dict(hardware) for label, hardware in cached["machines"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # derived: whatever is wrong with it, it is made again
    return remember(store, {}, (path.name for path in (store.folder / "records").glob("[!.]*")))


def remember(store: Store, known: Mapping[str, Mapping[str, str]], digests: Iterable[str]) -> Machines:
    """Machines that were known and those of some more records; kept in the store's cache."""
    found: Machines = {label: dict(hardware) for label, hardware in known.items()}
    for digest in digests:
        try:
            record = records.from_json(store.body(digest))
        except (OSError, RefusedInput):
            continue  # the report names it with the reason
        machine = record.run.machine
        if machine.hardware is not None:
            found.setdefault(machine.label, {})[machine.hardware] = _model(record)
    content = json.dumps({"stamp": _stamp(store), "machines": found}, sort_keys=True).encode()
    path: Path = store.folder / "cache" / CACHE
    if not path.is_file() or path.read_bytes() != content:
        store.cache(CACHE, content)
    return found


def _stamp(store: Store) -> int:
    """Changes whenever a record comes or goes: the folder's own time, in nanoseconds."""
    return (store.folder / "records").stat().st_mtime_ns


def _model(record: Record) -> str:
    """What a machine is: CPU model, processors, GPUs."""
    hardware = record.fingerprint.hardware if record.fingerprint else {}
    parts = [str(hardware.get("cpu_model") or "CPU unknown")]
    parts += [f"{hardware['cpus']} CPUs"] if hardware.get("cpus") else []
    return ", ".join([*parts, *(str(one) for one in hardware.get("gpus") or [])])
