"""Controls of the process itself, which every framework has: hashes, addresses, glibc, processors, neighbours."""
from __future__ import absolute_import, division, print_function

import ctypes
import io
import os
import re
import subprocess
import sys

from . import controls, emulation, launch, machine

#: Computes until its parent is gone, however that ended.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100000))\n"

#: hwcaps of glibc -> (leaf of __x86_get_cpuid_feature_leaf, register a to d, bit).
FEATURES = {"SSE4_2": (0, 2, 20), "FMA": (0, 2, 12), "AVX": (0, 2, 28), "AVX2": (1, 1, 5), "AVX512F": (1, 1, 16),
            "FMA4": (2, 2, 16)}

neighbours = []


def begin(asked):
    """Before anything of a library is loaded: pools of threads take their size from the processors they see."""
    os.environ.update(controls.variables(asked))
    if "cpu_affinity" in asked:
        keep(asked["cpu_affinity"])
    for _ in range(asked.get("load", 0)):
        words = emulation.words() + [sys.executable, "-c", BUSY]
        neighbours.append(subprocess.Popen(words))


def end():
    """Ends the neighbours."""
    while neighbours:
        process = neighbours.pop()
        if process.poll() is None:
            process.kill()
        process.wait()


def allowed():
    """Numbers of the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    mask = (ctypes.c_ubyte * 128)()
    ctypes.CDLL(None).sched_getaffinity(0, ctypes.sizeof(mask), ctypes.byref(mask))
    return [number for number in range(8 * len(mask)) if mask[number // 8] >> number % 8 & 1]


def keep(count):
    """Leaves this process the first `count` of its processors, or all if it has fewer."""
    numbers = allowed()[:count]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, numbers)
        return
    mask = (ctypes.c_ubyte * 128)()
    for number in numbers:
        mask[number // 8] |= 1 << number % 8
    ctypes.CDLL(None).sched_setaffinity(0, ctypes.sizeof(mask), ctypes.byref(mask))


def hash_seed(name, asked):
    """Seed 0 switches randomization off, yet Python 2.7's flag stays on then."""
    seen = launch.at_start("PYTHONHASHSEED")
    good = seen == str(asked) and not sys.flags.ignore_environment and (not asked or sys.flags.hash_randomization)
    return controls.state(name, asked, controls.IN_FORCE if good else controls.NOT_IN_FORCE,
                          "PYTHONHASHSEED when the process started: %s; sys.flags.hash_randomization: %s"
                          % (seen, sys.flags.hash_randomization))


def glibc_tunables(name, asked):
    seen, version = launch.at_start("GLIBC_TUNABLES"), libc()
    if seen != asked or version is None or version < (2, 26):
        return controls.state(name, asked, controls.NOT_IN_FORCE, "GLIBC_TUNABLES when the process started: %s; %s"
                              % (seen, "no glibc" if version is None else "glibc %d.%d" % version))
    capped = re.findall(r"-([A-Z0-9_]+)", "".join(re.findall(r"glibc\.cpu\.hwcaps=([^:]*)", asked)))
    active = dict((one, feature(one)) for one in capped if one in FEATURES)
    if not active or None in active.values():
        return controls.state(name, asked, controls.UNVERIFIED,
                              "there when the process started; glibc %d.%d does not tell" % version)
    return controls.state(name, asked, controls.NOT_IN_FORCE if True in active.values() else controls.IN_FORCE,
                          "glibc's active CPU features: " + ", ".join(
                              "%s %s" % (one, active[one]) for one in sorted(active)))


def libc():
    """(major, minor) of glibc; None for another C library."""
    tell = getattr(ctypes.CDLL(None), "gnu_get_libc_version", None)
    if tell is None:
        return None
    tell.restype = ctypes.c_char_p
    match = re.match(r"(\d+)\.(\d+)", tell().decode("ascii"))
    return (int(match.group(1)), int(match.group(2))) if match else None


def feature(name):
    """Whether glibc uses a feature of the CPU; None before 2.33, which does not tell, and on other CPUs than x86."""
    leaf, register, bit = FEATURES[name]
    try:
        tell = getattr(ctypes.CDLL(None), "__x86_get_cpuid_feature_leaf")
    except AttributeError:
        return None
    tell.restype = ctypes.POINTER(ctypes.c_uint * 8)
    return bool(tell(ctypes.c_uint(leaf)).contents[4 + register] >> bit & 1)


def aslr(name, asked):
    refused = os.environ.get(launch.MARKER)
    try:
        fixed = bool(launch.personality() & launch.ADDR_NO_RANDOMIZE)
    except OSError as error:
        return controls.state(name, asked, controls.NOT_IN_FORCE, "personality: %s" % error)
    kernel = machine.text("/proc/sys/kernel/randomize_va_space")
    drawn = not fixed and kernel != "0"
    return controls.state(name, asked, controls.IN_FORCE if drawn == asked else controls.NOT_IN_FORCE,
                          refused or "ADDR_NO_RANDOMIZE: %s; kernel.randomize_va_space: %s" % (fixed, kernel))


def cpu_affinity(name, asked):
    return controls.read_back(name, asked, len(allowed()), "processors that sched_getaffinity tells")


def load(name, asked):
    """Busy neighbours that ended early, or that got no processor, were none."""
    seconds = [taken(process.pid) for process in neighbours if process.poll() is None]
    good = len(seconds) == asked and all(seconds)
    return controls.state(name, asked, controls.IN_FORCE if good else controls.NOT_IN_FORCE,
                          "CPU seconds of the neighbours: %s" % (", ".join("%.1f" % one for one in seconds) or "none"))


def taken(pid):
    """CPU seconds of a process."""
    with io.open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as stream:
        fields = stream.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


#: control -> what tells what became of it.
STATES = {"aslr": aslr, "cpu_affinity": cpu_affinity, "glibc_tunables": glibc_tunables, "hash_seed": hash_seed,
          "load": load}
