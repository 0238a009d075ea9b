"""Runs guests in virtual environments on this host, made from the same lock files, for machines with no engine."""

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench import hostsettings, process, resources
from bench.digests import sha256
from bench.emulators import Emulator
from bench.errors import BenchError, RunError
from bench.executors import TAIL_BYTES, Attempt, Job, NotReady
from bench.matrix import Backend
from bench.matrix.file import Limits
from bench.plan import Run

#: The last virtualenv that makes Python 2.7 environments, kept apart from everything else.
LEGACY_VIRTUALENV = "virtualenv==20.21.1"
WARM_SECONDS, PROBE_SECONDS = 1800, 120

#: Variables that a guest inherits; everything else of the user's shell stays outside.
INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")


class HereExecutor:
    """No isolation but a fresh process and folder. `interpreter` adopts an environment that is there already."""

    name = "here"

    def __init__(
        self,
        *,
        limits: Limits,
        folder: Path,
        interpreter: Path | None = None,
        docker_folder: Path | None = None,
        wheels: Path | None = None,
        variables: Mapping[str, str] | None = None,
        emulator: Emulator | None = None,
    ) -> None:
        self.limits = limits
        self.folder = folder
        self.interpreter = interpreter
        self.docker_folder = docker_folder
        self.wheels = wheels
        self.emulator = emulator
        self.variables = {**(variables or {}), **(emulator.variables(emulator.path) if emulator else {})}
        self.pythons: dict[str, Path] = {}

    def prepare(self, backends: Sequence[Backend], say: Callable[[str, str], None]) -> Mapping[str, NotReady]:
        """Makes environments. A backend whose Python is not on this host is `skipped`, with the reason."""
        refused: dict[str, NotReady] = {}
        for backend in backends:
            if self.emulator is not None and (reason := self._unspeakable(self.emulator, backend)):
                refused[backend.name] = NotReady(status="skipped", reason=reason)
                continue
            if self.interpreter is not None:
                self.pythons[backend.name] = self.interpreter
                continue
            if backend.accelerator == "gpu" and not Path("/proc/driver/nvidia/version").is_file():
                refused[backend.name] = NotReady(
                    status="unavailable", reason="this host has no NVIDIA driver (/proc/driver/nvidia/version)"
                )
                continue
            base = find_python(backend.python)
            if base is None:
                refused[backend.name] = NotReady(
                    status="skipped", reason=f"no Python {backend.python} on PATH or under pyenv's versions"
                )
                continue
            try:
                self.pythons[backend.name] = self._environment(backend, base, say)
            except BenchError as error:
                refused[backend.name] = NotReady(status="unavailable", reason=str(error))
        return refused

    def identity(self, backend: Backend) -> str | None:
        """Ours are named by their lock; an adopted environment can change at any time, so it is always asked."""
        if self.interpreter is not None:
            return None
        guest = [sha256(content) for content in resources.guest_files().values()]
        capped = [f"{key}={value}" for key, value in sorted(self.variables.items())]
        capped += [sha256(self.emulator.content)] if self.emulator else []
        return sha256("\n".join([str(self.pythons[backend.name]), *guest, os.uname().release, *capped]).encode())

    def probe(self, backend: Backend) -> Attempt:
        return self._attempt(backend, "probe", None, PROBE_SECONDS, cache=False)

    def warm(self, run: Run, job: Job, labels: Mapping[str, str]) -> Attempt | None:
        if not run.backend.compile_cache or dict(run.controls).get("compile_cache") is False:
            return None
        return self._attempt(run.backend, "warm", job, WARM_SECONDS, cache=True)

    def run(self, run: Run, job: Job, labels: Mapping[str, str]) -> Attempt:
        return self._attempt(run.backend, "run", job, run.limits.seconds, cache=run.backend.compile_cache)

    def sweep(self, labels: Mapping[str, str]) -> list[str]:
        return []  # a killed campaign's guests die with their process group or end by themselves

    def _environment(self, backend: Backend, base: Path, say: Callable[[str, str], None]) -> Path:
        """The backend's environment, made once for its lock: the recipe of its Dockerfile."""
        source = (self.docker_folder or resources.find("docker")) / backend.name
        locks = [source / name for name in ("requirements-build.lock", "requirements.lock")]
        digest = sha256(b"".join(lock.read_bytes() for lock in locks) + str(base).encode())[:16]
        target = self.folder / "envs" / f"{backend.name}-{digest}"
        python = target / "bin" / "python"
        if (target / "complete").is_file():
            return python
        hostsettings.known_builds(locks[1].read_text(encoding="utf-8"), hostsettings.pip_settings(), self.wheels)
        shutil.rmtree(target, ignore_errors=True)
        say(backend.name, f"making {target.name} with {base}")
        if backend.python == "2.7":
            process.check([self._legacy_virtualenv(), "-q", "-p", base, target], purpose=f"{backend.name}: environment")
        else:
            process.check([base, "-m", "venv", target], purpose=f"{backend.name}: environment")
        for lock in locks:
            say(backend.name, f"installing {lock.name}")
            options: list[str | Path] = ["-q", "--no-deps", "--require-hashes", "--no-build-isolation", "-r", lock]
            options += ["--find-links", self.wheels] if self.wheels else []
            process.check([python, "-m", "pip", "install", *options], purpose=f"{backend.name}: {lock.name}")
        (target / "complete").write_text("")
        return python

    def _legacy_virtualenv(self) -> Path:
        tool = self.folder / "tools" / "legacy-virtualenv"
        if not (tool / "bin" / "virtualenv").is_file():
            shutil.rmtree(tool, ignore_errors=True)
            process.check([sys.executable, "-m", "venv", tool], purpose="an environment for the legacy virtualenv")
            process.check(
                [tool / "bin" / "python", "-m", "pip", "install", "-q", LEGACY_VIRTUALENV],
                purpose="the legacy virtualenv",
            )
        return tool / "bin" / "virtualenv"

    @staticmethod
    def _unspeakable(emulator: Emulator, backend: Backend) -> str | None:
        """Why a backend's environment here cannot speak for the emulated CPU, or None."""
        if emulator.architecture != emulator.host:
            return f"{emulator.emulation} runs programs for {emulator.architecture}: in containers only"
        return emulator.refusal(backend)

    def _prefix(self) -> tuple[str, ...]:
        return self.emulator.command(self.emulator.path) if self.emulator else ()

    def _attempt(self, backend: Backend, command: str, job: Job | None, seconds: float, *, cache: bool) -> Attempt:
        seconds *= self.emulator.slower if self.emulator else 1
        with _workplace(job) as place:
            words: list[str | Path] = [*self._prefix(), self.pythons[backend.name], "-m", "guest", command]
            words += [place / "job", place / "output"] if job else [place / "output"]
            if cache:
                environment = self.pythons[backend.name].parent.parent
                folder = self.folder / "compiled" / f"{backend.name}-{sha256(str(environment).encode())[:16]}"
                folder.mkdir(parents=True, exist_ok=True)
                words += ["--cache", folder]
            variables = {key: os.environ[key] for key in INHERITED if key in os.environ}
            variables |= {
                "HOME": str(place / "scratch"),
                "TMPDIR": str(place / "scratch"),
                "PYTHONNOUSERSITE": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
                **self.variables,
            }
            finished = process.run(words, environment=variables, folder=place, seconds=seconds)
            files = {
                path.name: path.read_bytes()
                for path in (place / "output").iterdir()
                if path.is_file() and not path.name.startswith(".")
            }
        tail = scrub(finished.output[-TAIL_BYTES:].decode("utf-8", "replace"))
        facts = {
            "pid": finished.pid,
            "exit_code": finished.exit_code,
            "isolation": "none",
            "adopted": self.interpreter is not None,
            "limits": {"seconds": seconds},
            **({"emulator": self.emulator.facts()} if self.emulator else {}),
        }
        if finished.exit_code is None:
            reason = f"no end after {seconds:g} s; `limits.seconds` in matrix.yaml raises the limit"
            return Attempt(status="timeout", reason=reason, files=files, tail=tail, facts=facts)
        if finished.exit_code:
            ended = f"signal {-finished.exit_code}" if finished.exit_code < 0 else f"exit code {finished.exit_code}"
            reason = f"the guest ended with {ended}; its last output is in the record"
            return Attempt(status="failed", reason=reason, files=files, tail=tail, facts=facts)
        return Attempt(status="ok", reason=None, files=files, tail=tail, facts=facts)


@contextlib.contextmanager
def _workplace(job: Job | None) -> Iterator[Path]:
    """A private folder with the guest's source, its job, an output folder and a home of its own."""
    with tempfile.TemporaryDirectory(prefix="keras-repro-bench-") as name:
        place = Path(name)
        for folder in ("job", "output", "scratch"):
            (place / folder).mkdir()
        for path, content in resources.guest_files().items():
            target = place / "guest" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        for path, content in (job.files if job else {}).items():
            (place / "job" / path).write_bytes(content)
        yield place


def find_python(version: str) -> Path | None:
    """An interpreter of that `major.minor`: on PATH if it really answers, else under pyenv's versions."""
    candidates = [shutil.which(f"python{version}")]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates += sorted((str(path) for path in pyenv.glob(f"{version}.*/bin/python{version}")), key=_natural)[::-1]
    for candidate in filter(None, candidates):
        with contextlib.suppress(RunError):
            asked = process.run([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], seconds=30)
            if asked.exit_code == 0 and asked.output.decode().strip() == version:
                return Path(candidate)
    return None


def scrub(text: str) -> str:
    """Home folders out of a guest's printed output; the guest scrubs its own record."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    return re.sub(r"(/home|/Users)/[^/\s\"':]+", "~", text)


def _natural(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)]
