"""Starts the guest anew, once, where a control must be there when a process starts.

Python draws its hashes, glibc reads its tunables and the kernel lays out memory before the first line of a program
runs. A process that was started without them can only replace itself by one that has them.
"""
from __future__ import absolute_import, division, print_function

import ctypes
import errno
import os
import sys

from . import controls, emulation

#: Set in the process that takes the place of the first, to what the kernel refused, so that there is no third.
MARKER = "BENCH_LAUNCHED"

AT_START = ("glibc_tunables", "hash_seed")

#: Of personality(2).
ADDR_NO_RANDOMIZE = 0x0040000
ASK = 0xffffffff


def once(asked, arguments):
    """Replaces this process by `python -m guest ARGUMENTS` with what it lacks; returns if it lacks nothing, or if it
    has been replaced already, whether that helped or not. A plain execve would leave an emulator for the real CPU."""
    if MARKER in os.environ:
        return
    lacking = dict((key, text) for key, text in controls.variables(asked, AT_START).items()
                   if os.environ.get(key) != text)
    refused = switch_randomization(asked["aslr"]) if "aslr" in asked else None
    if lacking or (refused is not None and not refused):
        words = emulation.words() + [sys.executable, "-m", "guest"] + list(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(words[0], words, dict(os.environ, **dict(lacking, **{MARKER: refused or ""})))
    if refused:
        os.environ[MARKER] = refused


def personality(value=ASK):
    """personality(2): the one before, or OSError."""
    call = ctypes.CDLL(None, use_errno=True).personality
    call.argtypes = [ctypes.c_ulong]
    before = call(value)
    if before == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return before


def switch_randomization(wanted):
    """Asks the kernel that the next program of this process gets drawn addresses, or the same ones again. An empty
    text if that is granted, a reason if not; None if it is so already."""
    try:
        now = personality()
        flags = now & ~ADDR_NO_RANDOMIZE if wanted else now | ADDR_NO_RANDOMIZE
        if flags == now:
            return None
        personality(flags)
        return ""
    except OSError as error:
        name = errno.errorcode.get(error.errno, "?")
        return "personality: errno %d (%s), %s" % (error.errno, name, os.strerror(error.errno))


def at_start(variable):
    """A variable as it was when this process started, however it was changed since; None if it was not there."""
    try:
        with open("/proc/self/environ", "rb") as stream:
            entries = stream.read().split(b"\0")
    except (IOError, OSError):
        return None
    start = variable.encode("ascii") + b"="
    found = [entry[len(start):] for entry in entries if entry.startswith(start)]
    return found[0].decode("utf-8", "replace") if found else None
