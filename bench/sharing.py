"""The very same image on several machines: through a registry by its digest, or as a file."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.engine import LABEL, Engine, Image
from bench.errors import RefusedInput, RunError
from bench.images import Context


def remote(registry: str, one: Context) -> str:
    """An image's name in a registry: `localhost:5000/keras-repro-bench/theano-cpu:0123456789abcdef`."""
    return f"{registry.rstrip('/')}/{one.tag}"


def push(engine: Engine, one: Context, registry: str, on_line: Callable[[str], None]) -> str:
    """Sends an image to a registry; the reference by digest that `pull` takes on another machine."""
    name = remote(registry, one)
    engine.tag(_built(engine, one), name)
    digest = engine.push(name, on_line)
    return f"{name.rpartition(':')[0]}@{digest}"


def pull(engine: Engine, reference: str, contexts: Mapping[str, Context]) -> Context:
    """Fetches an image and makes it its backend's; RefusedInput if it is not of one of these contexts."""
    return _adopt(engine, engine.pull(reference), reference, contexts)


def save(engine: Engine, one: Context, folder: Path) -> Path:
    """Writes an image to `<folder>/<backend>-<context>.tar`."""
    _built(engine, one)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.backend}-{one.digest[:16]}.tar"
    engine.save(one.tag, path)
    return path


def load(engine: Engine, path: Path, contexts: Mapping[str, Context]) -> list[Context]:
    """Takes the images of a file that `save` wrote."""
    return [_adopt(engine, image, str(path), contexts) for image in engine.load(path)]


def _built(engine: Engine, one: Context) -> Image:
    image = engine.image(one.tag)
    if image is None:
        raise RunError(f"{one.backend}: no image {one.tag} in the engine; `bench build` makes it")
    return image


def _adopt(engine: Engine, image: Image, source: str, contexts: Mapping[str, Context]) -> Context:
    """Names an image as the builds of this checkout are named, if it is what such a build would have made."""
    backend, digest = (image.labels.get(f"{LABEL}.{key}") for key in ("backend", "context"))
    wanted = contexts.get(str(backend))
    if wanted is None:
        raise RefusedInput(
            f"{source}: an image of backend {backend!r}; legal: {', '.join(contexts)}. It is of another project or of "
            "another matrix"
        )
    if digest != wanted.digest:
        raise RefusedInput(
            f"{source}: {backend} of build context {str(digest)[:16]}; this checkout's is {wanted.digest[:16]}: check "
            "out the commit that it was built from, or build it here"
        )
    engine.tag(image, wanted.tag)
    return wanted
