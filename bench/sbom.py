"""The software bill of materials of a stack: CycloneDX 1.6, made from what the guest saw installed."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

#: Serial numbers are UUIDs of version 5 below this one, so the same stack has the same bill, byte by byte.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/keras-repro-bench")


def document(stack: Mapping[str, Any]) -> bytes:
    """The bill of a fingerprint's stack: its interpreter, Python distributions and Debian packages.

    No time and no random number is in it. A distribution's own hash is not either: what is installed has no archive
    any more; the lock file has the archives' hashes, and the stack digest covers the installed files.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    def library(kind: str, namespace: str | None, name: str, version: str, **qualifiers: str) -> Component:
        purl = PackageURL(kind, namespace, name, version, qualifiers)
        return Component(type=ComponentType.LIBRARY, name=name, version=version, purl=purl, bom_ref=purl.to_string())

    bom = Bom(serial_number=uuid.uuid5(NAMESPACE, str(stack["digest"])))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # the library takes None and leaves the key out
    guest = Component(type=ComponentType.APPLICATION, name="guest", version=str(stack["guest"]), bom_ref="guest")
    bom.metadata.component = guest
    interpreter = stack["interpreter"]
    name, version = str(interpreter["implementation"]).lower(), str(interpreter["version"])
    bom.components.add(Component(type=ComponentType.PLATFORM, name=name, version=version, bom_ref="interpreter"))
    for line in stack["distributions"]:
        name, version = line.split()[:2]
        bom.components.add(library("pypi", None, re.sub(r"[-_.]+", "-", name).lower(), version))
    for line in stack["debian_packages"] or []:
        name, version, architecture = line.split()
        bom.components.add(library("deb", "debian", name, version, arch=architecture))
    bom.register_dependency(guest, bom.components)
    return (JsonV1Dot6(bom).output_as_string(indent=1) + "\n").encode()
