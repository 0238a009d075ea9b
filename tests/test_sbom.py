"""The bill of materials: every package of a stack, in a form that others read, the same bytes each time."""

import json
from typing import Any

from cyclonedx.model.bom import Bom

from bench import sbom

STACK: dict[str, Any] = {
    "digest": "d" * 64,
    "guest": "e" * 64,
    "interpreter": {"implementation": "CPython", "version": "2.7.18", "build": "x", "byteorder": "little"},
    "distributions": ["Keras 2.0.3 aaa", "backports.weakref 1.0rc1 no-record"],
    "debian_packages": ["adduser 3.118+deb11u1 all", "libc6 2.31-13+deb11u11 amd64"],
}


def test_every_package_is_named_as_others_name_it() -> None:
    """Package URLs by the purl specification: PyPI names normalised, Debian's with their architecture."""
    bill = json.loads(sbom.document(STACK))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {one.get("purl") for one in bill["components"]} == {
        None,  # the interpreter
        "pkg:pypi/keras@2.0.3",
        "pkg:pypi/backports-weakref@1.0rc1",
        "pkg:deb/debian/adduser@3.118%2Bdeb11u1?arch=all",
        "pkg:deb/debian/libc6@2.31-13%2Bdeb11u11?arch=amd64",
    }
    assert [(one["name"], one["version"]) for one in bill["components"] if one["type"] == "platform"] == [
        ("cpython", "2.7.18")]  # fmt: skip


def test_the_library_reads_it_back() -> None:
    read = Bom.from_json(json.loads(sbom.document(STACK)))  # type: ignore[attr-defined]
    assert {(one.name, one.version) for one in read.components} == {
        ("cpython", "2.7.18"), ("keras", "2.0.3"), ("backports-weakref", "1.0rc1"),
        ("adduser", "3.118+deb11u1"), ("libc6", "2.31-13+deb11u11")}  # fmt: skip


def test_the_same_stack_has_the_same_bill_and_another_has_another() -> None:
    assert sbom.document(STACK) == sbom.document(json.loads(json.dumps(STACK)))
    assert sbom.document(STACK) != sbom.document({**STACK, "digest": "f" * 64})


def test_a_stack_without_dpkg_has_a_bill_too() -> None:
    bill = json.loads(sbom.document({**STACK, "debian_packages": None}))
    assert len(bill["components"]) == 3
