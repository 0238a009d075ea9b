"""The one module that talks to a container engine, through the Docker SDK: DOCKER_HOST, contexts, ssh."""

import contextlib
import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import docker.errors
import requests.exceptions

import docker
from bench.errors import RunError
from bench.matrix.file import Limits

PROJECT = "keras-repro-bench"
LABEL = "org.keras-repro-bench"
TAIL_BYTES = 64 * 1024
OUTPUT_BYTES = 1024 * 1024 * 1024
SPOOL_BYTES = 16 * 1024 * 1024
JOB, OUTPUT, CACHE = "/bench/job", "/bench/output", "/bench/cache"


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """A container to run once. `files` go into /bench/job, and `programs` as files that can be started; `cache` is
    (volume name, read only) or None; `variables` are set beside the image's, and `prefix` stands before its entry."""

    image: str
    command: tuple[str, ...]
    labels: Mapping[str, str]
    limits: Limits
    files: Mapping[str, bytes] = field(default_factory=dict)
    cache: tuple[str, bool] | None = None
    gpu: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, bytes] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ContainerResult:
    """How a container ended, and the regular files that it left in /bench/output."""

    end: Literal["exited", "timeout", "out of memory"]
    exit_code: int | None
    files: Mapping[str, bytes]
    tail: str
    container: str
    pid: int
    image: str


@dataclass(frozen=True, kw_only=True)
class Image:
    id: str
    name: str
    labels: Mapping[str, str]
    size: int
    repo_digests: tuple[str, ...]
    layers: tuple[str, ...] = ()


class Engine:
    """A connected engine; every failure of it is a RunError that says what to do next."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self.info: dict[str, Any] = client.info()

    @staticmethod
    def connect() -> "Engine":
        """The engine that DOCKER_HOST or the current Docker context names, else the local one."""
        try:
            return Engine(docker.from_env(timeout=60))
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            raise RunError(
                f"no container engine answers ({_first_line(error)}). Start one (`scripts/engine` does so on Debian "
                "and Ubuntu), set DOCKER_HOST, or run without one: `bench run --executor here`"
            ) from None

    @property
    def id(self) -> str:
        """The engine's own identity; two engines on one host differ."""
        return str(self.info.get("ID", "unknown"))

    @property
    def is_local(self) -> bool:
        """Whether the engine answers at a socket of this host; its disk can then be looked at."""
        return str(self.client.api.base_url) == "http+docker://localhost"

    @property
    def has_gpu_runtime(self) -> bool:
        """Whether NVIDIA's runtime is registered. The engine may give out GPUs without it: `gpu_refusal` asks."""
        return "nvidia" in (self.info.get("Runtimes") or {})

    def gpu_refusal(self, image: str) -> str | None:
        """Why no container gets a GPU, or None; a container of that image is started to find out, if it is here."""
        if self.image(image) is None:
            return None if self.has_gpu_runtime else "the engine has no NVIDIA runtime"
        limits = Limits(memory_mb=64, processes=8, seconds=60)
        asked = ContainerSpec(
            image=image, command=("true",), labels={f"{LABEL}.project": PROJECT}, limits=limits, gpu=True
        )
        container = self._create(asked)
        try:
            container.start()
            container.wait(timeout=limits.seconds)
        except (docker.errors.APIError, requests.exceptions.RequestException) as error:
            return f"the engine gives no container a GPU: {_first_line(error)}"
        finally:
            with contextlib.suppress(docker.errors.NotFound):
                container.remove(force=True, v=True)
        return None

    def registry_answers(self) -> bool:
        """Whether the engine reaches a registry: asked for a small public image's manifest, nothing is pulled."""
        try:
            self.client.images.get_registry_data("debian:stable-slim")
        except (docker.errors.APIError, requests.exceptions.RequestException):
            return False
        return True

    def facts(self) -> dict[str, Any]:
        """What a record keeps of the engine."""
        return {
            "engine": self.info.get("ServerVersion"),
            "runtime": self.info.get("DefaultRuntime"),
            "cgroup": self.info.get("CgroupVersion"),
            "storage": self.info.get("Driver"),
        }

    def image(self, name: str) -> Image | None:
        """The image of a name, or None."""
        try:
            found = self.client.images.get(name)
        except docker.errors.ImageNotFound:
            return None
        attributes = found.attrs
        return Image(
            id=str(found.id),
            name=name,
            labels=dict(found.labels or {}),
            size=int(attributes["Size"]),
            repo_digests=tuple(attributes.get("RepoDigests") or ()),
            layers=tuple((attributes.get("RootFS") or {}).get("Layers") or ()),
        )

    def build(
        self,
        context: bytes,
        *,
        tag: str,
        labels: Mapping[str, str],
        arguments: Mapping[str, str],
        on_line: Callable[[str], None],
        platform: str | None = None,
    ) -> str:
        """Builds an image from a tar; returns its id. RunError carries the last lines that the build printed."""
        tail: list[str] = []
        try:
            for message in self.client.api.build(
                fileobj=io.BytesIO(context),
                custom_context=True,
                tag=tag,
                labels=dict(labels),
                rm=True,
                forcerm=True,
                decode=True,
                buildargs=dict(arguments),
                platform=platform,
                timeout=3600,
            ):
                text = str(message.get("stream") or message.get("error") or message.get("status") or "").rstrip()
                tail = [*tail, *(line for line in text.splitlines() if line.strip())][-20:]
                for line in text.splitlines():
                    on_line(line)
                if "error" in message:
                    raise RunError(f"{tag}: the build failed. Its last lines:\n  " + "\n  ".join(tail))
        except (docker.errors.APIError, requests.exceptions.RequestException) as error:
            raise RunError(f"{tag}: the build failed: {_first_line(error)}") from None
        built = self.image(tag)
        if built is None:
            raise RunError(f"{tag}: the engine built it, but does not have it now; look at its disk: `bench doctor`")
        return built.id

    def pull(self, reference: str) -> Image:
        """Fetches an image from a registry; RunError says what the engine was told."""
        try:
            self.client.images.pull(reference)
        except (docker.errors.APIError, requests.exceptions.RequestException) as error:
            raise RunError(f"{reference}: cannot be pulled: {_first_line(error)}") from None
        found = self.image(reference)
        if found is None:
            raise RunError(
                f"{reference}: pulled, but the engine does not have it now; look at its disk: `bench doctor`"
            )
        return found

    def tag(self, image: Image, name: str) -> None:
        """Gives an image one more name."""
        repository, _, tag = name.rpartition(":")
        self.client.api.tag(image.id, repository, tag)

    def push(self, name: str, on_line: Callable[[str], None]) -> str:
        """Sends an image to the registry that its name starts with; its digest there."""
        repository, _, tag = name.rpartition(":")
        digest: str | None = None
        try:
            for message in self.client.api.push(repository, tag, stream=True, decode=True):
                if "error" in message:
                    raise RunError(f"{name}: cannot be pushed: {message['error']}")
                digest = (message.get("aux") or {}).get("Digest") or digest
                on_line(str(message.get("status") or ""))
        except (docker.errors.APIError, requests.exceptions.RequestException) as error:
            raise RunError(f"{name}: cannot be pushed: {_first_line(error)}") from None
        if digest is None:
            raise RunError(f"{name}: pushed, but the registry told no digest")
        return digest

    def save(self, name: str, path: Path) -> None:
        """Writes an image and its name as the tar that `docker load` reads; whole or not at all."""
        temporary = path.with_name(f".{path.name}.part")
        with temporary.open("wb") as stream:
            for chunk in self.client.images.get(name).save(named=name):
                stream.write(chunk)
        temporary.replace(path)

    def load(self, path: Path) -> tuple[Image, ...]:
        """The images of a tar that `docker save` wrote."""
        try:
            with path.open("rb") as stream:
                loaded = self.client.images.load(stream)
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise RunError(f"{path}: cannot be loaded: {_first_line(error)}") from None
        return tuple(found for one in loaded if (found := self.image(str(one.id))) is not None)

    def run(self, spec: ContainerSpec) -> ContainerResult:
        """Runs a container to its end and removes it with its anonymous volumes, whatever happens."""
        container = self._create(spec)
        try:
            if spec.files or spec.programs:
                container.put_archive(JOB, tar(spec.files, spec.programs))
            container.start()
            container.reload()
            pid = int(container.attrs["State"]["Pid"])
            timed_out = self._wait(container, spec.limits.seconds)
            container.reload()
            state = container.attrs["State"]
            end: Literal["exited", "timeout", "out of memory"] = "exited"
            if timed_out:
                end = "timeout"
            elif state.get("OOMKilled"):
                end = "out of memory"
            return ContainerResult(
                end=end,
                exit_code=None if timed_out else int(state["ExitCode"]),
                files=self._output(container),
                tail=_tail(container),
                container=str(container.id),
                pid=pid,
                image=str(container.attrs["Image"]),
            )
        finally:
            with contextlib.suppress(docker.errors.NotFound):
                container.remove(force=True, v=True)

    def _create(self, spec: ContainerSpec) -> Any:
        from docker.types import DeviceRequest, LogConfig, Ulimit

        options: dict[str, Any] = {}
        if spec.cache is not None:
            volume, read_only = spec.cache
            options["volumes"] = {volume: {"bind": CACHE, "mode": "ro" if read_only else "rw"}}
        if spec.gpu:
            options["device_requests"] = [DeviceRequest(count=-1, capabilities=[["gpu"]])]
        if spec.prefix:
            entry = self.client.images.get(spec.image).attrs["Config"]["Entrypoint"] or []
            options["entrypoint"] = [*spec.prefix, *entry]
        return self.client.containers.create(
            spec.image,
            list(spec.command),
            labels=dict(spec.labels),
            environment=dict(spec.variables),
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=spec.limits.processes,
            mem_limit=f"{spec.limits.memory_mb}m",
            memswap_limit=f"{spec.limits.memory_mb}m",
            ulimits=[Ulimit(name="core", soft=0, hard=0)],
            log_config=LogConfig(type="json-file", config={"max-size": "1m", "max-file": "1"}),
            **options,
        )

    @staticmethod
    def _wait(container: Any, seconds: float) -> bool:
        """Whether the container had to be killed because its time was up."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                container.wait(timeout=min(left, 600.0))
            except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
                continue  # both mean that the wait itself ran out: the SDK raises either, by transport
            return False
        container.reload()
        if container.attrs["State"]["Running"]:
            container.kill()
            container.wait(timeout=60)
            return True
        return False

    @staticmethod
    def _output(container: Any) -> dict[str, bytes]:
        """Regular files at the top of /bench/output; anything else that a guest may leave there is not read."""
        stream, _ = container.get_archive(OUTPUT)
        files: dict[str, bytes] = {}
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            for chunk in stream:
                spool.write(chunk)
                if spool.tell() > OUTPUT_BYTES:
                    raise RunError(f"the guest left more than {OUTPUT_BYTES} bytes; nothing of it is kept")
            spool.seek(0)
            with tarfile.open(fileobj=spool) as archive:
                for member in archive:
                    name = member.name.split("/", 1)[-1]
                    if member.isreg() and "/" not in name and not name.startswith("."):
                        extracted = archive.extractfile(member)
                        files[name] = extracted.read() if extracted else b""
        return files

    def ensure_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """A named volume; the same name again is the same volume."""
        self.client.volumes.create(name=name, labels=dict(labels))

    def remove_containers(self, labels: Mapping[str, str]) -> list[str]:
        """Stops and removes containers that have all of the labels; their names."""
        removed = []
        filters: dict[str, str | list[str] | bool] = {"label": [f"{key}={value}" for key, value in labels.items()]}
        for container in self.client.containers.list(all=True, filters=filters):
            with contextlib.suppress(docker.errors.NotFound, docker.errors.APIError):
                container.remove(force=True, v=True)
                removed.append(str(container.name))
        return removed

    def ours(self) -> Iterator[tuple[str, str, Callable[[], None]]]:
        """(kind, name, how to remove it) of everything that carries the project's label."""
        marked: dict[str, str | list[str] | bool] = {"label": f"{LABEL}.project"}
        for container in self.client.containers.list(all=True, filters=marked):
            yield "container", str(container.name), lambda c=container: c.remove(force=True, v=True)  # type: ignore[misc]
        for volume in self.client.volumes.list(filters=marked):
            yield "volume", str(volume.name), lambda v=volume: v.remove(force=True)  # type: ignore[misc]
        for image in self.client.images.list(filters=marked):
            name = ", ".join(image.tags) or str(image.short_id)
            yield "image", name, lambda i=image: self.client.images.remove(i.id, force=True)  # type: ignore[misc]


def tar(files: Mapping[str, bytes], programs: Mapping[str, bytes] | None = None) -> bytes:
    """An archive of plain files, and of programs: build contexts and jobs travel so. Same files, same bytes."""
    programs = programs or {}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in sorted({**files, **programs}.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755 if name in programs else 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _tail(container: Any) -> str:
    """The last 64 KiB that the container printed; the engine itself keeps at most 1 MiB."""
    printed: bytes = container.logs(stdout=True, stderr=True)
    return printed[-TAIL_BYTES:].decode("utf-8", "replace")


def _first_line(error: BaseException) -> str:
    told = getattr(error, "explanation", None) or error  # what the engine said, without the address it said it at
    return (str(told).strip().splitlines() or [type(error).__name__])[0][:300]
