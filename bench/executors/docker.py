"""Runs guests in containers: no network, read-only root, no capabilities, no bind mount."""

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import images
from bench.digests import sha256
from bench.emulators import Emulator
from bench.engine import CACHE, JOB, LABEL, OUTPUT, PROJECT, ContainerResult, ContainerSpec, Engine, Image
from bench.errors import RunError
from bench.executors import Attempt, Job, NotReady
from bench.images import Built
from bench.matrix import Backend
from bench.matrix.file import Limits
from bench.plan import Run
from bench.records import Status

#: A warm-up compiles every module anew; a probe only reads files.
WARM_SECONDS, PROBE_SECONDS = 1800, 120

#: What the emulator's program is called inside a container, beside the job.
EMULATOR = "qemu"


class DockerExecutor:
    """The default executor. The engine may be remote: files travel through the engine's interface only."""

    name = "docker"

    def __init__(
        self,
        engine: Engine,
        *,
        limits: Limits,
        docker_folder: Path | None = None,
        wheels: Path | None = None,
        build: bool = True,
        variables: Mapping[str, str] | None = None,
        emulator: Emulator | None = None,
    ) -> None:
        self.engine = engine
        self.limits = limits
        self.docker_folder = docker_folder
        self.wheels = wheels
        self.build = build
        self.emulator = emulator
        self.variables = {**(variables or {}), **(emulator.variables(f"{JOB}/{EMULATOR}") if emulator else {})}
        self.built: dict[str, Built] = {}

    def prepare(self, backends: Sequence[Backend], say: Callable[[str, str], None]) -> Mapping[str, NotReady]:
        """Builds missing images. A backend whose image cannot be had is `unavailable`; the others go on."""
        refused: dict[str, NotReady] = {}
        contexts = []
        for backend in backends:
            context = images.context(backend.name, self.docker_folder, self._foreign())
            refusal = self._refusal(backend, context.base)
            if refusal is None:
                contexts.append(context)
            else:
                refused[backend.name] = refusal
        if self.build:
            needs = {backend.name: backend.disk_mb for backend in backends}
            self.built = images.ensure(self.engine, contexts, disk_mb=needs, on_line=say, wheels=self.wheels)
        else:
            self.built = {
                one.backend: Built(backend=one.backend, image=self.engine.image(one.tag), fresh=False, error=None)
                for one in contexts
            }
        for one in contexts:
            built = self.built[one.backend]
            if built.error is not None:
                refused[one.backend] = NotReady(status="unavailable", reason=str(built.error))
            elif built.image is None:
                reason = f"no image {one.tag} in the engine; `bench build` makes it"
                refused[one.backend] = NotReady(status="unavailable", reason=reason)
        return refused

    def _foreign(self) -> str | None:
        """The architecture of the images, where it is not the engine's own."""
        emulator = self.emulator
        return emulator.architecture if emulator and emulator.architecture != emulator.host else None

    def _refusal(self, backend: Backend, base: str) -> NotReady | None:
        """What is asked before anything is built: GPU images are large, and useless without a GPU."""
        if self.emulator is not None:
            if reason := self.emulator.refusal(backend):
                return NotReady(status="skipped", reason=reason)
            there = str(self.engine.info.get("Architecture"))
            if there != self.emulator.host:
                reason = f"the engine runs {there}, and the emulator of this host is for {self.emulator.host}"
                return NotReady(status="unavailable", reason=reason)
        reason = self.engine.gpu_refusal(base) if backend.accelerator == "gpu" else None
        return NotReady(status="unavailable", reason=reason) if reason else None

    def image(self, backend: Backend) -> Image:
        image = self.built[backend.name].image
        if image is None:
            raise RunError(f"{backend.name}: no image")
        return image

    def identity(self, backend: Backend) -> str:
        return self._identity([self.image(backend).id])

    def _identity(self, software: Sequence[str]) -> str:
        """A digest of some software where it runs: on which engine, made to pass for which machine."""
        info = self.engine.info
        seen = [*software, self.engine.id, *(str(info.get(key)) for key in ("NCPU", "KernelVersion"))]
        seen += [f"{key}={value}" for key, value in sorted(self.variables.items())]
        seen += [sha256(self.emulator.content)] if self.emulator else []
        return sha256("\n".join(seen).encode())

    def probe(self, backend: Backend) -> Attempt:
        spec = self._spec(backend, ("probe", OUTPUT), {}, PROBE_SECONDS)
        return self._attempt(backend, spec)

    def warm(self, run: Run, job: Job, labels: Mapping[str, str]) -> Attempt | None:
        if not run.backend.compile_cache or dict(run.controls).get("compile_cache") is False:
            return None
        volume = self._cache_volume(run.backend)
        self.engine.ensure_volume(volume, {f"{LABEL}.project": PROJECT})
        spec = self._spec(
            run.backend, ("warm", JOB, OUTPUT, "--cache", CACHE), labels, WARM_SECONDS, job=job, cache=(volume, False)
        )
        return self._attempt(run.backend, spec)

    def run(self, run: Run, job: Job, labels: Mapping[str, str]) -> Attempt:
        command: tuple[str, ...] = ("run", JOB, OUTPUT)
        cache = None
        if run.backend.compile_cache and dict(run.controls).get("compile_cache") is not False:
            cache = (self._cache_volume(run.backend), True)
            command += ("--cache", CACHE)
        spec = self._spec(run.backend, command, labels, run.limits.seconds, job=job, cache=cache)
        return self._attempt(run.backend, spec)

    def sweep(self, labels: Mapping[str, str]) -> list[str]:
        return self.engine.remove_containers(labels)

    def _cache_volume(self, backend: Backend) -> str:
        """One volume a stack and engine: a compiled module is for one compiler and one CPU. The last layer of an image
        is the guest, which compiles nothing itself: it keeps its entries apart (guest/compile_cache.py)."""
        image = self.image(backend)
        return f"keras-repro-bench-{backend.name}-{self._identity(image.layers[:-1] or [image.id])[:16]}"

    def _spec(
        self,
        backend: Backend,
        command: tuple[str, ...],
        labels: Mapping[str, str],
        seconds: float,
        *,
        job: Job | None = None,
        cache: tuple[str, bool] | None = None,
    ) -> ContainerSpec:
        emulator = self.emulator
        seconds *= emulator.slower if emulator else 1
        limits = Limits(memory_mb=self.limits.memory_mb, processes=self.limits.processes, seconds=seconds)
        return ContainerSpec(
            image=self.image(backend).id,
            command=command,
            labels={f"{LABEL}.project": PROJECT, **labels},
            limits=limits,
            files=job.files if job else {},
            cache=cache,
            gpu=backend.accelerator == "gpu",
            variables=self.variables,
            programs={EMULATOR: emulator.content} if emulator else {},
            prefix=emulator.command(f"{JOB}/{EMULATOR}") if emulator else (),
        )

    def _attempt(self, backend: Backend, spec: ContainerSpec) -> Attempt:
        result = self.engine.run(spec)
        image = self.built[backend.name].image
        facts = {
            **self.engine.facts(),
            "container": result.container,
            "pid": result.pid,
            "image": result.image,
            "context": image.labels.get(f"{LABEL}.context") if image else None,
            "base": images.base_origin(image) if image else None,
            "limits": {
                "memory_mb": spec.limits.memory_mb,
                "processes": spec.limits.processes,
                "seconds": spec.limits.seconds,
            },
            "exit_code": result.exit_code,
            **({"emulator": self.emulator.facts()} if self.emulator else {}),
        }
        status, reason = _judge(result, spec)
        return Attempt(status=status, reason=reason, files=result.files, tail=result.tail, facts=facts)


def _judge(result: ContainerResult, spec: ContainerSpec) -> tuple[Status, str | None]:
    """The status of an ended container, before its record is looked at."""
    if result.end == "timeout":
        return "timeout", f"no end after {spec.limits.seconds:g} s; `limits.seconds` in matrix.yaml raises the limit"
    if result.end == "out of memory":
        return "failed", f"killed for memory: the limit is {spec.limits.memory_mb} MiB (`limits.memory_mb`)"
    if result.exit_code:
        ended = f"exit code {result.exit_code}{_signal(result.exit_code)}"
        return "failed", f"the guest ended with {ended}; its last output is in the record"
    return "ok", None


def _signal(code: int) -> str:
    """What an exit code beyond 128 says of a signal, such as an instruction that the CPU does not have."""
    text = signal.strsignal(code - 128) if 128 < code < 128 + signal.NSIG else None
    return f" ({text})" if text else ""
