"""Emulators: programs under which an image computes as on another CPU."""

import platform
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from bench import process
from bench.cpus import CPUS
from bench.digests import sha256
from bench.errors import RunError
from bench.matrix import Backend

#: Variables that the guest reads (bench/guest/emulation.py): who is passed for, by which command, with which features.
NAME, COMMAND, FLAGS = "BENCH_EMULATION", "BENCH_EMULATOR", "BENCH_EMULATED_FLAGS"


def program(architecture: str) -> str:
    """QEMU's program for one process of a Linux, linked so that it runs in an image that knows nothing of it."""
    return f"qemu-{architecture}-static"


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """An emulation that is really there: a program of this host, the CPU it shows, and how many times slower it is."""

    emulation: str
    cpu: str
    slower: float
    path: Path
    version: str
    content: bytes = field(repr=False)

    @property
    def architecture(self) -> str:
        """What the program runs programs of."""
        return CPUS[self.cpu].architecture

    @property
    def host(self) -> str:
        """What the program itself runs on."""
        return platform.machine()

    def command(self, program: str | Path) -> tuple[str, ...]:
        """The words that stand before a guest's own, for the program at a path."""
        return str(program), "-cpu", self.cpu

    def variables(self, program: str | Path) -> dict[str, str]:
        """What tells the guest who it is to be, so that it can look whether it is."""
        return {NAME: self.emulation, COMMAND: " ".join(self.command(program)), FLAGS: CPUS[self.cpu].features}

    def facts(self) -> str:
        """What a record keeps of it."""
        return f"{self.version} sha256:{sha256(self.content)}"

    def refusal(self, backend: Backend) -> str | None:
        """Why a backend's runs would say nothing of the emulated CPU, or None."""
        if backend.accelerator != "cpu":
            return f"{self.emulation} emulates a CPU; there is no {backend.accelerator} behind it"
        if backend.compile_cache:
            return (
                f"{self.emulation}: what {backend.framework} compiles at run time would be for the real CPU, since "
                "compilers start outside the emulator; caps or another machine can tell"
            )
        if self.architecture not in backend.architectures:
            return (
                f"{self.emulation} runs programs for {self.architecture}, and {backend.name} has an image for "
                f"{', '.join(backend.architectures)} (`architectures` in matrix.yaml)"
            )
        return None


def find(emulation: str, *, cpu: str, slower: float) -> Emulator:
    """The emulator on this host; RunError says what to do if it is not installed or knows no such CPU."""
    name = program(CPUS[cpu].architecture)
    found = shutil.which(name)
    if found is None:
        raise RunError(
            f"--emulate {emulation}: no {name} on PATH; scripts/emulator installs it (the package qemu-user-static of "
            "Debian and Ubuntu)"
        )
    told = process.check([found, "--version"], purpose=f"--emulate {emulation}").decode("utf-8", "replace")
    version = (told.splitlines() or ["not told"])[0].strip()
    listed = process.run([found, "-cpu", "help"], seconds=60)  # it ends with 1, having listed all
    if cpu not in listed.output.decode("utf-8", "replace").split():
        raise RunError(f"--emulate {emulation}: {version} knows no CPU {cpu}; a newer qemu-user-static does")
    path = Path(found)
    return Emulator(emulation=emulation, cpu=cpu, slower=slower, path=path, version=version, content=path.read_bytes())
