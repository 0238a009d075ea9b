"""This machine's pip settings for a build: certificates, index, local wheels.

They go into the build context's `host/` folder, which only build stages read; they are no part of the digest
of the context and nothing of them is in the final image.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bench import process
from bench.digests import sha256
from bench.errors import RunError

#: Settings of pip that say where packages come from.
PASSED = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries", "proxy", "no-index")
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def pip_settings() -> dict[str, str]:
    """pip's effective settings on this host, files and environment taken together; empty where there is no pip."""
    finished = process.run([sys.executable, "-m", "pip", "config", "list"])
    settings: dict[str, str] = {}
    for line in finished.output.decode().splitlines():
        match = re.match(r"^(global|install|:env:)\.\.?([a-z-]+)='(.*)'$", line.strip())
        if match:
            settings[match.group(2)] = match.group(3).replace("\\n", "\n")
    return settings


def build_files(
    lock: str, environment: Mapping[str, str] | None = None, wheels_folder: Path | None = None
) -> dict[str, bytes]:
    """Files of `host/`: `pip.conf`, `ca.pem` where the host has a bundle of its own, and the local wheels
    whose hashes the lock allows, from pip's `find-links` and from `wheels_folder`.

    RunError if the lock has a build that no index keeps, such as `torch==2.13.0+cpu`, and it is not here either.
    """
    environment = os.environ if environment is None else environment
    settings = pip_settings()
    lines = ["[global]"]
    files: dict[str, bytes] = {}
    bundle = settings.get("cert") or next((environment[key] for key in CERTIFICATES if environment.get(key)), None)
    if bundle and Path(bundle).is_file():
        files["ca.pem"] = Path(bundle).read_bytes()
        lines.append("cert = /host/ca.pem")
    for key in PASSED:
        remote = [word for word in settings.get(key, "").split() if urlsplit(word).scheme != "file"]
        if remote:
            lines.append(f"{key} = {' '.join(remote)}")
    links = settings.get("find-links", "").split()
    wheels = known_builds(lock, settings, wheels_folder)
    files.update({f"wheels/{name}": content for name, content in wheels.items()})
    pages = [word for word in links if urlsplit(word).scheme in ("http", "https")]
    if wheels or pages:
        lines.append(f"find-links = {' '.join([*pages, *(['/host/wheels'] if wheels else [])])}")
    files["pip.conf"] = ("\n".join(lines) + "\n").encode()
    return files


def known_builds(lock: str, settings: Mapping[str, str], wheels_folder: Path | None) -> dict[str, bytes]:
    """Local wheels that the lock allows; RunError if it has a build that no index keeps and none of them is it."""
    links = settings.get("find-links", "").split()
    wheels = local_wheels([*([str(wheels_folder)] if wheels_folder else []), *links], lock)
    places = [*links, *(word for key in ("index-url", "extra-index-url") for word in settings.get(key, "").split())]
    unknown = local_builds(lock, wheels)
    if unknown and not any(urlsplit(place).scheme in ("http", "https") for place in places):
        raise RunError(
            f"{', '.join(unknown)}: a build that the package index does not keep, and no wheel with the lock's hash is "
            "here; give the folder that has it: `--wheels DIR` (of `bench build` and `bench run`)"
        )
    return wheels


def local_builds(lock: str, wheels: Mapping[str, bytes]) -> list[str]:
    """`name==version+local` of a lock for which there is no wheel: an index refuses uploads of local versions
    (PyPA's specification of version identifiers)."""
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==(\S+\+\S+)", lock, re.MULTILINE)
    files = {re.sub(r"[-_.]+", "-", "-".join(name.split("-")[:2])).lower() for name in wheels}
    return [
        f"{name}=={version}"
        for name, version in pinned
        if re.sub(r"[-_.]+", "-", f"{name}-{version}").lower() not in files
    ]


def local_wheels(links: list[str], lock: str) -> dict[str, bytes]:
    """Files in local folders of `find-links` that the lock names by hash."""
    allowed = set(re.findall(r"sha256:([0-9a-f]{64})", lock))
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    found: dict[str, bytes] = {}
    for link in links:
        folder = Path(urlsplit(link).path if link.startswith("file:") else link)
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            distribution = re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
            if distribution in names and path.is_file():
                content = path.read_bytes()
                if sha256(content) in allowed:
                    found[path.name] = content
    return found
