"""A campaign: one intended pass over the matrix. It runs what is missing and keeps every attempt."""

import concurrent.futures
import datetime as dt
import itertools
import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from bench import attempts, supplied
from bench.engine import LABEL
from bench.errors import RunError
from bench.executors import Attempt, Executor, Job, NotReady
from bench.matrix import Backend
from bench.plan import Run
from bench.records import Machine, Record, RunKey
from bench.store import Store, Stored

Value = TypeVar("Value")

WARM_AT_ONCE = 2


class Listener(Protocol):
    """Who is told how a campaign goes; it only shows, nothing depends on it."""

    def build(self, backend: str, line: str) -> None:
        """A line that a build or an installation printed."""

    def begin(self, total: int, present: int) -> None:
        """`total` runs are planned, `present` of them are in the store already."""

    def start(self, run: Run) -> None:
        """A run starts."""

    def end(self, run: Run, record: Record) -> None:
        """A run ended and is stored."""

    def note(self, text: str) -> None:
        """Something worth knowing that stops nothing."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a campaign is run; `machine` is the owner's label, or None for one made from the hardware; `emulation` is the
    machine that this one passes for."""

    machine: str | None = None
    emulation: str | None = None
    jobs: int = 1


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a campaign did: newly made records, and how many runs it found done."""

    records: tuple[Record, ...]
    present: int


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a backend's runs happen: its stack and the machine, as the guest's probe tells them."""

    stack: str | None
    machine: Machine
    refusal: NotReady | None = field(default=None)


def current(store: Store) -> str:
    """The campaign that `bench run` resumes: the latest in the store, else one named after today (UTC)."""
    latest = max(store.headers(), key=lambda record: record.started, default=None)
    return latest.run.campaign if latest else dt.datetime.now(dt.UTC).date().isoformat()


def execute(runs: Sequence[Run], *, executor: Executor, store: Store, settings: Settings, listener: Listener) -> Result:
    """Runs what the store does not have yet. Each record is stored as soon as its run ends."""
    with store.locked():
        swept = executor.sweep({f"{LABEL}.store": store.id})
        if swept:
            listener.note(f"removed what a killed campaign left: {', '.join(swept)}")
        backends = list({run.backend.name: run.backend for run in runs}.values())
        refused = executor.prepare(backends, listener.build)
        places = _places(backends, refused, executor, store, settings)
        known = [one.record for one in store.scan() if isinstance(one, Stored)]
        done = {_identity(record.run) for record in known if record.ok}
        missing = [run for run in runs if _identity(_key(run, places)) not in done]
        listener.begin(len(runs), len(runs) - len(missing))
        records = _refusals(missing, places, known, executor, store, listener)
        ready = [run for run in missing if places[run.backend.name].refusal is None]
        _warm(ready, executor, store, listener)
        records += _run_all(ready, places, executor, store, settings, listener)
    return Result(records=tuple(records), present=len(runs) - len(missing))


def _places(
    backends: Sequence[Backend], refused: Mapping[str, NotReady], executor: Executor, store: Store, settings: Settings
) -> dict[str, _Place]:
    """Each backend's stack and machine; a backend that cannot be asked gets the refusal that its runs record."""
    seen: dict[str, dict[str, Any]] = {}
    refusals: dict[str, NotReady] = dict(refused)
    for backend in backends:
        if backend.name not in refusals:
            try:
                seen[backend.name] = _probe(backend, executor, store)
            except RunError as error:
                refusals[backend.name] = NotReady(status="failed", reason=str(error))
    hardware = next((one["hardware"] for one in seen.values()), None)
    label = settings.machine or (label_of(hardware) if hardware else "unknown")
    emulation = settings.emulation or (hardware or {}).get("emulation")
    if emulation:  # a machine that is made to pass for another says so in its name, whatever its owner calls it
        label = f"{label} as {emulation}"
    places = {}
    for backend in backends:
        probe = seen.get(backend.name)
        machine = Machine(label=label, hardware=probe["hardware"]["digest"] if probe else None)
        places[backend.name] = _Place(
            stack=probe["stack"]["digest"] if probe else None, machine=machine, refusal=refusals.get(backend.name)
        )
    return places


def _probe(backend: Backend, executor: Executor, store: Store) -> dict[str, Any]:
    """What the guest says of itself, kept in the store's cache for as long as nothing it could say changes."""
    identity = executor.identity(backend)
    path = store.folder / "cache" / f"probe-{identity}.json"
    if identity is not None and path.is_file():
        kept: dict[str, Any] = json.loads(path.read_bytes())
        return kept
    attempt = executor.probe(backend)
    if "probe.json" not in attempt.files:
        last = (attempt.tail.strip().splitlines() or ["it printed nothing"])[-1]
        raise RunError(f"{backend.name}: the guest cannot even be asked what it is ({attempt.reason}): {last}")
    told: dict[str, Any] = json.loads(attempt.files["probe.json"])
    if identity is not None:
        store.cache(path.name, attempt.files["probe.json"])
    return told


def label_of(hardware: dict[str, Any]) -> str:
    """A label for a machine whose owner gave none: what it is, and a piece of its hardware digest. No host name."""
    model = re.sub(r"\([^)]*\)|CPU|@.*", " ", str(hardware.get("cpu_model") or hardware.get("architecture")))
    words = "-".join(re.findall(r"[a-z0-9.]+", model.lower()))
    return f"{words or 'machine'}-{hardware.get('cpus')}cpu-{hardware['digest'][:6]}"


def _key(run: Run, places: dict[str, _Place]) -> RunKey:
    place = places[run.backend.name]
    seeds = {"numpy": run.seeds.numpy, "backend": run.seeds.backend, "keras": run.seeds.keras}
    return RunKey(
        cell=str(run.cell),
        seeds=seeds,
        stack=place.stack,
        machine=place.machine,
        campaign=run.campaign,
        index=run.index,
    )


def _identity(key: RunKey) -> str:
    return json.dumps(key.model_dump(mode="json"), sort_keys=True)


def _job(run: Run) -> Job:
    body = run.job()
    files = {}
    if run.cell.init == "supplied":
        entries, files["supplied.bin"] = supplied.draw(run.cell.workload, run.seeds.numpy, run.repeats).files()
        body |= entries
    return Job(files={"job.json": (json.dumps(body, sort_keys=True) + "\n").encode(), **files})


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _keep(run: Run, key: RunKey, attempt: Attempt, started: str, executor: Executor, store: Store) -> Record:
    record, content = attempts.to_record(
        key,
        attempt,
        identity=uuid.uuid4().hex,
        started=started,
        ended=_now(),
        executor=executor.name,
        add_blob=store.add_blob,
    )
    store.add(record, content)
    return record


def _refusals(
    missing: Sequence[Run],
    places: dict[str, _Place],
    known: Sequence[Record],
    executor: Executor,
    store: Store,
    listener: Listener,
) -> list[Record]:
    """Records of runs that cannot be tried. The same refusal of the same run is recorded once."""
    said = {(_identity(record.run), record.status, record.reason) for record in known}
    made = []
    for run in missing:
        refusal = places[run.backend.name].refusal
        key = _key(run, places)
        if refusal is None:
            continue
        attempt = Attempt(status=refusal.status, reason=refusal.reason, files={}, tail="", facts={})
        if (_identity(key), refusal.status, refusal.reason) in said:
            made += [one for one in known if _identity(one.run) == _identity(key) and one.reason == refusal.reason][-1:]
            continue
        record = _keep(run, key, attempt, _now(), executor, store)
        listener.end(run, record)
        made.append(record)
    return made


def _warm(runs: Sequence[Run], executor: Executor, store: Store, listener: Listener) -> None:
    """Fills compile caches before anything is measured. Where it fails, runs compile for themselves.

    Backends side by side, since nothing is timed yet; within one, each starts from what the last has compiled.
    """

    def fill(run: Run) -> None:
        listener.note(f"{run.cell}: compiling once for all runs")
        attempt = executor.warm(run, _job(run), {f"{LABEL}.store": store.id})
        if attempt is not None and attempt.status != "ok":
            listener.note(f"{run.cell}: the warm-up ended as {attempt.status} ({attempt.reason}); runs compile anew")

    kinds: dict[str, dict[tuple[str, ...], Run]] = {}
    for run in runs:
        if run.backend.compile_cache:
            kinds.setdefault(run.backend.name, {})[run.cell.workload, run.cell.init, run.cell.preset] = run
    for row in itertools.zip_longest(*(by_kind.values() for by_kind in kinds.values())):
        _map(fill, [run for run in row if run is not None], WARM_AT_ONCE, executor, store)


def _run_all(
    runs: Sequence[Run],
    places: dict[str, _Place],
    executor: Executor,
    store: Store,
    settings: Settings,
    listener: Listener,
) -> list[Record]:
    """Runs in the order of the plan, `jobs` at a time; what goes wrong with one does not stop the others."""

    def one(run: Run) -> Record:
        key = _key(run, places)
        started = _now()
        listener.start(run)
        attempt = _attempt(run, _labels(key, store), executor)
        facts = {**attempt.facts, "jobs": settings.jobs}
        attempt = Attempt(
            status=attempt.status, reason=attempt.reason, files=attempt.files, tail=attempt.tail, facts=facts
        )
        record = _keep(run, key, attempt, started, executor, store)
        listener.end(run, record)
        return record

    return _map(one, runs, settings.jobs, executor, store)


def _map(
    function: Callable[[Run], Value], runs: Sequence[Run], at_once: int, executor: Executor, store: Store
) -> list[Value]:
    """The function of each run, `at_once` at a time; an interrupt ends the containers of those that go on."""
    if at_once == 1 or len(runs) == 1:
        return [function(run) for run in runs]
    with concurrent.futures.ThreadPoolExecutor(max_workers=at_once) as pool:
        try:
            return list(pool.map(function, runs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            executor.sweep({f"{LABEL}.store": store.id})
            raise


def _labels(key: RunKey, store: Store) -> dict[str, str]:
    return {
        f"{LABEL}.store": store.id,
        f"{LABEL}.cell": key.cell,
        f"{LABEL}.campaign": key.campaign,
        f"{LABEL}.index": str(key.index),
    }


def _attempt(run: Run, labels: dict[str, str], executor: Executor) -> Attempt:
    """One attempt; an executor's own failure becomes the run's failure, with the reason."""
    try:
        return executor.run(run, _job(run), labels)
    except RunError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 (the SDK and its transport raise many kinds; all of them are this run's failure)
        reason = f"{executor.name}: {type(error).__name__}: {error}"
    return Attempt(status="failed", reason=reason, files={}, tail="", facts={})
