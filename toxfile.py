"""An environment `matrix-<backend>` for every folder of docker/, each like `matrix` with its own cells."""

from collections.abc import Iterable
from pathlib import Path

from tox.config.loader.memory import MemoryLoader
from tox.config.sets import ConfigSet
from tox.config.types import Command
from tox.plugin import impl
from tox.session.state import State

DOCKER = Path(__file__).resolve().parent / "docker"


def backends() -> list[str]:
    """Names of the backends: the folders of docker/ that have a Dockerfile."""
    return sorted(path.parent.name for path in DOCKER.glob("*/Dockerfile"))


@impl
def tox_extend_envs() -> Iterable[str]:
    """Makes the names known, so that `tox list` shows them."""
    return [f"matrix-{backend}" for backend in backends()]


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Gives each of them what `matrix` has, with the backend's cells selected."""
    arguments = state.conf.pos_args(None) or ()
    for backend in backends():
        loader = MemoryLoader(
            base=["testenv:matrix"],
            description=f"run the cells of {backend} in their image, compare, report",
            commands=[Command(["python", "-m", "bench", "run", "--only", f"*/{backend}/*", *arguments])],
        )
        state.conf.memory_seed_loaders[f"matrix-{backend}"].append(loader)
