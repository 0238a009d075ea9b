"""Whether this process computes as the machine that it was told to pass for. Caps are only named here; an emulator is
looked for: in what the kernel runs, in who answers for the CPU, and in the features that this CPU has."""
from __future__ import absolute_import, division, print_function

import os
import platform
import subprocess

from . import cpuid, midr

#: Names the machine that this one is made to compute as, by caps on its libraries or by an emulator.
NAME = "BENCH_EMULATION"

#: The words of an emulator that stand before every command of the guest; unset under caps.
EMULATOR = "BENCH_EMULATOR"

#: Features that the emulated CPU must have, and with a `-` before them those that it must not have.
FLAGS = "BENCH_EMULATED_FLAGS"

#: What QEMU's translator answers in CPUID's leaf 0x40000000; a real machine or a KVM guest never does.
SIGNATURE = "TCGTCGTCGTCG"


class NotInForce(Exception):
    """The emulator that was asked for is not what computes."""


def name():
    """The machine to pass for, or None."""
    return os.environ.get(NAME) or None


def words():
    """The emulator's command, an empty list where there is none."""
    return os.environ.get(EMULATOR, "").split()


def program():
    """What the kernel really runs. QEMU answers for /proc/self/exe itself, but not for the thread's own entry."""
    try:
        return os.readlink("/proc/self/task/%d/exe" % os.getpid())
    except OSError:
        return None


def processor():
    """The CPU as it shows itself to this process; None on an architecture that is not known here."""
    return midr.processor() if platform.machine() == "aarch64" else cpuid.processor()


def version(command):
    """What the emulator calls itself; it is asked natively."""
    try:
        told = subprocess.Popen([command, "--version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE).communicate()[0]
    except OSError as error:
        return "not told (%s)" % error.strerror
    return (told.decode("utf-8", "replace").splitlines() or ["not told"])[0].strip()


def problems(running, seen, command, wanted):
    """What speaks against the emulator `command` being in force, with the values seen; empty if it is."""
    found = []
    if running is None or os.path.realpath(running) != os.path.realpath(command):
        found.append("the kernel runs %s" % running)
    if seen is None:
        return found + ["this CPU cannot be asked what it is"]
    if seen["cpu_family"] is not None and seen["cpu_hypervisor"] != SIGNATURE:  # only x86 has families, and CPUID
        found.append("CPUID is answered by %s (%s)" % (seen["cpu_hypervisor"] or "the CPU", seen["cpu_model"]))
    flags = seen["cpu_flags"].split()
    found += ["the CPU has no %s" % one for one in wanted if not one.startswith("-") and one not in flags]
    found += ["the CPU has %s" % one[1:] for one in wanted if one.startswith("-") and one[1:] in flags]
    return found


def check():
    """NotInForce if an emulator was asked for and is not what computes; nothing is asked of caps."""
    command = words()
    if not command:
        return
    wanted = os.environ.get(FLAGS, "").split()
    found = problems(program(), processor(), command[0], wanted)
    if found:
        raise NotInForce("asked to compute as %s by `%s`, but %s; nothing was computed"
                         % (name(), " ".join(command), ", ".join(found)))


def apart():
    """Goes on in a child of the emulated process where that is the first of its container.

    What kills an emulated program, such as an instruction that its CPU lacks, QEMU passes on as a signal to itself and
    waits to die of it; the kernel delivers none to the first process of a container, so that it would wait forever.
    """
    if not words() or os.getpid() != 1:
        return
    child = os.fork()
    if child:
        ended = os.waitpid(child, 0)[1]
        os._exit(128 + os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else os.WEXITSTATUS(ended))


def hardware():
    """Keys of an emulated machine: what it is called and, by an emulator, the CPU as it shows itself to this process.

    A machine that is not really there never has a real one's digest, whatever else agrees.
    """
    keys = {"emulation": name()} if name() else {}
    command = words()
    if command:
        keys.update(processor() or {})
        keys["cpu_caches"] = None  # the kernel tells of the host's
        keys["emulator"] = " ".join([version(command[0])] + command[1:])
    return keys
