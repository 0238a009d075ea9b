"""tox.ini names no backend: its matrix-<backend> environments follow from the folders of docker/."""

import configparser
from pathlib import Path

from tests.engines import ROOT, SHIPPED


def folders() -> set[str]:
    return {path.parent.name for path in (ROOT / "docker").glob("*/Dockerfile")}


def test_every_backend_has_one_folder_and_one_entry() -> None:
    """docker/ and matrix.yaml name the same backends."""
    assert folders() == set(SHIPPED.backends)


def test_tox_ini_repeats_no_backend() -> None:
    """The environments are derived, not listed."""
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "tox.ini")
    assert not [section for section in parser.sections() if section.startswith("testenv:matrix-")]
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert not [backend for backend in folders() if backend in text]


def test_each_dockerfile_names_the_python_of_its_entry() -> None:
    """`python:` of matrix.yaml, which `--executor here` looks for, is the one that the image has."""
    for name, backend in SHIPPED.backends.items():
        text = Path(ROOT / "docker" / name / "Dockerfile").read_text(encoding="utf-8")
        assert f"ARG PYTHON=python{backend.python}\n" in text
