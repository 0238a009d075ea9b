"""The software that computes, and its digest: guest, interpreter, Debian packages, Python distributions."""
from __future__ import absolute_import, division, print_function

import hashlib
import io
import os
import platform
import re
import subprocess
import sys

from . import emulation


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def read(path):
    with io.open(path, "rb") as stream:
        return stream.read()


def guest_source(folder=None):
    """SHA-256 over the names and contents of the guest's own files."""
    folder = folder or os.path.dirname(os.path.abspath(__file__))
    lines = []
    for base, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(base, name)
                lines.append("%s %s\n" % (os.path.relpath(path, folder).replace(os.sep, "/"), sha256(read(path))))
    return sha256("".join(sorted(lines)).encode("utf-8"))


def interpreter():
    return {"implementation": platform.python_implementation(), "version": platform.python_version(),
            "build": " ".join(sys.version.split()), "byteorder": sys.byteorder}


def debian_packages():
    """`name version architecture` lines, sorted; None where dpkg is not there."""
    # In an image of another architecture the kernel may know no way to start a program; its emulator always does.
    command = emulation.words() + ["/usr/bin/dpkg-query"]
    try:
        output = subprocess.check_output(command + ["-W", "-f", "${Package} ${Version} ${Architecture}\n"])
    except (OSError, subprocess.CalledProcessError):
        return None
    return sorted(line for line in output.decode("utf-8").splitlines() if line)


def record_hash(content):
    """SHA-256 of a RECORD's file hashes.

    Left out: lines without a hash (compiled files, RECORD itself), and scripts outside site-packages and pip's
    own notes, which hold the environment's path and so differ between two installs of the same bytes.
    """
    kept = []
    for line in content.decode("utf-8").splitlines():
        path, _, rest = line.strip().rpartition(",")[0].rpartition(",")
        if rest and not path.startswith("..") and not re.search(r"\.dist-info/(INSTALLER|REQUESTED|direct_url)", path):
            kept.append("%s,%s\n" % (path, rest))
    return sha256("".join(sorted(kept)).encode("utf-8"))


def metadata_names(folder):
    """(name, version) of a dist-info or egg-info folder or file."""
    for candidate in ("METADATA", "PKG-INFO", ""):
        path = os.path.join(folder, candidate) if candidate else folder
        if os.path.isfile(path):
            text = read(path).decode("utf-8", "replace")
            name = re.search(r"^Name: *(\S+)", text, re.M)
            version = re.search(r"^Version: *(\S+)", text, re.M)
            if name and version:
                return name.group(1), version.group(1)
    return None


def distributions(paths=None):
    """`name version record-hash` lines of every installed distribution that this process can import, sorted."""
    found = {}
    for folder in (sys.path if paths is None else paths):
        if not os.path.isdir(folder):
            continue
        for entry in sorted(os.listdir(folder)):
            if not entry.endswith((".dist-info", ".egg-info")):
                continue
            path = os.path.join(folder, entry)
            names = metadata_names(path)
            record = os.path.join(path, "RECORD")
            if names:
                digest = record_hash(read(record)) if os.path.isfile(record) else "no-record"
                found.setdefault(names[0].lower().replace("_", "-"), "%s %s %s" % (names + (digest,)))
    return [found[name] for name in sorted(found)]


def fingerprint():
    """The stack as recorded: its parts and the digest over them."""
    parts = {"guest": guest_source(), "interpreter": interpreter(), "debian_packages": debian_packages(),
             "distributions": distributions()}
    lines = ["guest %s" % parts["guest"]]
    lines += ["interpreter %s %s" % (key, parts["interpreter"][key]) for key in sorted(parts["interpreter"])]
    lines += ["debian %s" % line for line in (parts["debian_packages"] or ["none"])]
    lines += ["distribution %s" % line for line in parts["distributions"]]
    return dict(parts, digest=sha256(("\n".join(lines) + "\n").encode("utf-8")))
