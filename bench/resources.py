"""Where the files that ship with the package lie: in a wheel under bench/, in a checkout at its top."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def find(name: str) -> Path:
    """The path of `docker`, `matrix.yaml` or `reference`; FileNotFoundError if this install is not whole."""
    for folder in (PACKAGE / "shipped", PACKAGE.parent):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{name}: neither in the package nor beside it; install keras-repro-bench again")


def guest_files() -> dict[str, bytes]:
    """The guest's source: path below `guest/` -> content."""
    root = PACKAGE / "guest"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.py"))}


def frameworks() -> tuple[str, ...]:
    """Names of the frameworks that the guest knows: one file of its folder `frameworks` each."""
    files = (PACKAGE / "guest" / "frameworks").glob("*.py")
    return tuple(sorted(path.stem for path in files if path.stem not in ("__init__", "base")))
