"""What the images are: stack digest, size, base, Python and framework, as each of them tells."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import images
from bench.engine import OUTPUT, ContainerSpec, Engine, Image
from bench.errors import RunError
from bench.images import Context
from bench.matrix.file import Limits

#: Distributions that name a backend's framework, as PyPI has them.
FRAMEWORKS = re.compile(r"keras|theano|tensorflow|tensorflow-cpu|jax|torch|cntk", re.IGNORECASE)
PROBE = Limits(memory_mb=2048, processes=256, seconds=120)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One backend's image; `size` is in bytes, all layers together."""

    backend: str
    tag: str
    stack: str
    size: int
    base: str
    python: str
    frameworks: tuple[str, ...]


def entries(engine: Engine, contexts: Sequence[Context], cache: Path) -> list[tuple[Context, Entry | None]]:
    """Each context with its image's entry, or None where it is not built."""
    return [(one, _entry(engine, one, image, cache) if (image := engine.image(one.tag)) else None) for one in contexts]


def _entry(engine: Engine, one: Context, image: Image, cache: Path) -> Entry:
    stack = _stack(engine, image, cache)
    versions = dict(line.split()[:2] for line in stack["distributions"])
    named = [f"{name} {version}" for name, version in versions.items() if FRAMEWORKS.fullmatch(name)]
    base = images.base_origin(image)
    return Entry(
        backend=one.backend,
        tag=one.tag,
        stack=stack["digest"],
        size=image.size,
        base=f"{base['name']} ({base['origin']})",
        python=stack["interpreter"]["version"],
        frameworks=tuple(named) or (f"numpy {versions.get('numpy')}",),
    )


def _stack(engine: Engine, image: Image, cache: Path) -> dict[str, Any]:
    """The stack as the guest inside tells it: asked once for an image, whose id says that nothing changed."""
    path = cache / "stacks" / f"{image.id.removeprefix('sha256:')}.json"
    if not path.is_file():
        result = engine.run(ContainerSpec(image=image.id, command=("probe", OUTPUT), labels={}, limits=PROBE))
        if "probe.json" not in result.files:
            raise RunError(f"{image.name}: the guest cannot even be asked what it is: {result.tail.strip()[-300:]}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(json.loads(result.files["probe.json"])["stack"]), encoding="utf-8")
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
