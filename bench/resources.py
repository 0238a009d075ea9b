"""Where the files that ship with the package lie: in a wheel under bench/, in a checkout at its top."""

import ast
from pathlib import Path
from typing import Any

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


def guest_literal(path: str, name: str) -> Any:
    """The value of a module-level name of a guest file, which must be a literal: the guest is never imported here.

    KeyError if the file has no such name.
    """
    tree = ast.parse((PACKAGE / "guest" / path).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            return ast.literal_eval(node.value)
    raise KeyError(f"{path} has no {name}")


def workloads() -> dict[str, tuple[str, str]]:
    """The workloads that the guest knows: name -> (module of its folder `workloads`, class)."""
    found: dict[str, tuple[str, str]] = guest_literal("workloads/__init__.py", "WORKLOADS")
    return found


def traces() -> tuple[str, ...]:
    """The trace levels that the guest knows."""
    found: tuple[str, ...] = guest_literal("trace.py", "LEVELS")
    return found


def frameworks() -> tuple[str, ...]:
    """Names of the frameworks that the guest knows: one file of its folder `frameworks` each."""
    files = (PACKAGE / "guest" / "frameworks").glob("*.py")
    return tuple(sorted(path.stem for path in files if path.stem not in ("__init__", "base")))
