"""Backend images: what goes into a build, the digest that names it, and the build itself."""

import concurrent.futures
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import hostsettings, resources
from bench.digests import lines_digest, sha256
from bench.engine import LABEL, PROJECT, Engine, Image, tar
from bench.errors import BenchError, RunError

#: Proxies are the one kind of build argument that Docker keeps out of an image's history.
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
#: Architecture -> where Docker's official images for it alone are, and what engines call it. The plain names stay those
#: of the engine's own architecture: an engine keeps one image under one name.
FOREIGN = {"aarch64": ("arm64v8", "linux/arm64"), "x86_64": ("amd64", "linux/amd64")}
ORIGIN = f"{LABEL}.base.origin"


@dataclass(frozen=True, kw_only=True)
class Context:
    """A backend's build context: its folder of docker/ and the guest. `digest` covers names and contents. `platform` is
    None for the engine's own."""

    backend: str
    files: Mapping[str, bytes]
    platform: str | None = None

    @property
    def digest(self) -> str:
        return lines_digest(f"{name} {sha256(content)}" for name, content in sorted(self.files.items()))

    @property
    def tag(self) -> str:
        """The image's name. It follows from the content, so another context is another image."""
        return f"{PROJECT}/{self.backend}:{self.digest[:16]}"

    @property
    def base(self) -> str:
        """The image that the last stage starts from, stage names followed down."""
        stages: dict[str, str] = {}
        source = ""
        for line in self.files["Dockerfile"].decode().splitlines():
            match = re.match(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", line, re.IGNORECASE)
            if match:
                source = stages.get(match.group(1), match.group(1))
                if match.group(2):
                    stages[match.group(2)] = source
        return source


def context(backend: str, folder: Path | None = None, foreign: str | None = None) -> Context:
    """The build context of a backend's folder, for the engine's architecture or a foreign one; RunError if the folder
    has no Dockerfile."""
    folder = (folder or resources.find("docker")) / backend
    if not (folder / "Dockerfile").is_file():
        raise RunError(f"docker/{backend}: no Dockerfile there; every backend of matrix.yaml has a folder of its own")
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    files |= {f"guest/{name}": content for name, content in resources.guest_files().items()}
    if foreign is None:
        return Context(backend=backend, files=files)
    namespace, platform = FOREIGN[foreign]
    recipe = re.sub(rb"^FROM debian:", f"FROM {namespace}/debian:".encode(), files["Dockerfile"], flags=re.MULTILINE)
    return Context(backend=backend, files={**files, "Dockerfile": recipe}, platform=platform)


@dataclass(frozen=True, kw_only=True)
class Built:
    """What became of one backend's image: the image, or why there is none."""

    backend: str
    image: Image | None
    fresh: bool
    error: BenchError | None


def ensure(
    engine: Engine,
    contexts: Sequence[Context],
    *,
    disk_mb: Mapping[str, int],
    on_line: Callable[[str, str], None],
    wheels: Path | None = None,
    at_once: int = 2,
) -> dict[str, Built]:
    """Builds the images that are missing, `at_once` at a time; one failure does not stop the others."""
    present = {one.backend: engine.image(one.tag) for one in contexts}
    missing = [one for one in contexts if present[one.backend] is None]
    check_disk(engine, sum(disk_mb.get(one.backend, 0) for one in missing))

    def attempt(one: Context) -> Built:
        try:
            image = build(engine, one, lambda line: on_line(one.backend, line), wheels)
            return Built(backend=one.backend, image=image, fresh=True, error=None)
        except BenchError as error:
            return Built(backend=one.backend, image=None, fresh=False, error=error)

    with concurrent.futures.ThreadPoolExecutor(max_workers=at_once) as pool:
        results = {result.backend: result for result in pool.map(attempt, missing)}
    return {
        one.backend: results.get(one.backend)
        or Built(backend=one.backend, image=present[one.backend], fresh=False, error=None)
        for one in contexts
    }


def build(engine: Engine, one: Context, on_line: Callable[[str], None], wheels: Path | None = None) -> Image:
    """Builds one image and labels it with its context's digest and its base; `wheels` has what no index keeps."""
    lock = "\n".join(content.decode() for name, content in one.files.items() if name.endswith(".lock"))
    host = {f"host/{name}": content for name, content in hostsettings.build_files(lock, wheels_folder=wheels).items()}
    base = _base(engine, one, on_line)
    labels = {
        f"{LABEL}.project": PROJECT,
        f"{LABEL}.backend": one.backend,
        f"{LABEL}.context": one.digest,
        f"{LABEL}.base.name": one.base,
        f"{LABEL}.base.pulled": next(iter(base.repo_digests), ""),
    }
    arguments = {key: os.environ[key] for key in PROXIES if os.environ.get(key)}
    try:
        engine.build(
            tar({**one.files, **host}),
            tag=one.tag,
            labels=labels,
            arguments=arguments,
            platform=one.platform,
            on_line=on_line,
        )
    except RunError as error:
        foreign = f"  Its kernel must know programs for {one.platform}: `scripts/emulator --arm64`.\n"
        hint = foreign if one.platform else ""
        raise RunError(f"{error}\n{hint}  What was recorded so far stays; `bench build` tries again.") from None
    image = engine.image(one.tag)
    assert image is not None  # Engine.build has looked
    return image


def _base(engine: Engine, one: Context, on_line: Callable[[str], None]) -> Image:
    """The base image, pulled if it is not here: so its digest is known and can be kept."""
    found = engine.image(one.base)
    if found is not None:
        return found
    on_line(f"{one.base} is not here; asking the engine's registry")
    try:
        return engine.pull(one.base)
    except RunError as error:
        raise RunError(f"{one.tag}: the build failed: {error}\n  `scripts/base-images` makes it.") from None


def base_origin(image: Image) -> dict[str, str | None]:
    """Where an image's base came from: pulled by digest from a registry, or made by debootstrap; its labels tell."""
    pulled = image.labels.get(f"{LABEL}.base.pulled")
    origin = image.labels.get(ORIGIN) or (f"registry {pulled}" if pulled else "unknown")
    return {"name": image.labels.get(f"{LABEL}.base.name"), "origin": origin}


def check_disk(engine: Engine, needed_mb: int) -> None:
    """RunError if the engine's own disk is here and has not the room that the builds need."""
    root = str(engine.info.get("DockerRootDir") or "")
    if not needed_mb or not engine.is_local or not Path(root).is_dir():
        return
    free_mb = shutil.disk_usage(root).free // 2**20
    if free_mb < needed_mb:
        raise RunError(
            f"disk: the images to build need about {needed_mb} MiB, {free_mb} MiB are free where the engine keeps "
            "them; make room (`bench clean` lists what this project holds) or build fewer: `bench build --only PATTERN`"
        )
