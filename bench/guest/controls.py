"""What became of each control: `in force`, `not in force` or `unverified`, with the evidence."""
from __future__ import absolute_import, division, print_function

import ctypes
import io
import os
import tempfile

IN_FORCE = "in force"
NOT_IN_FORCE = "not in force"
UNVERIFIED = "unverified"

#: Controls that are one environment variable, whose text is the value. Libraries read them when they are loaded, so
#: they are set before NumPy is imported; two of them must be there when the process starts (launch.py).
VARIABLES = {
    "aten_cpu_capability": "ATEN_CPU_CAPABILITY",
    "cublas_workspace": "CUBLAS_WORKSPACE_CONFIG",
    "glibc_tunables": "GLIBC_TUNABLES",
    "hash_seed": "PYTHONHASHSEED",
    "mkl_cbwr": "MKL_CBWR",
    "numpy_cpu_features": "NPY_DISABLE_CPU_FEATURES",
    "omp_wait_policy": "OMP_WAIT_POLICY",
    "onednn_isa": "ONEDNN_MAX_CPU_ISA",
    "openblas_coretype": "OPENBLAS_CORETYPE",
}


def variables(asked, names=None):
    """{variable: text} of the controls asked for, of all or of some."""
    return dict((VARIABLES[name], str(value)) for name, value in asked.items() if name in (names or VARIABLES))


def state(name, asked, result, evidence):
    """One control's line in the record."""
    return {"name": name, "asked": asked, "state": result, "evidence": evidence}


def read_back(name, asked, seen, evidence):
    """A control whose value the framework tells truthfully."""
    return state(name, asked, IN_FORCE if seen == asked else NOT_IN_FORCE, "%s: %r" % (evidence, seen))


def not_in_force(states):
    """The controls that are not in force, each with its evidence, as one text; empty if there is none."""
    return "; ".join("%s is not in force (%s)" % (str(one["name"]), one["evidence"]) for one in states
                     if one["state"] == NOT_IN_FORCE)


def threads_named(start):
    """Number of this process's threads whose name starts so; None where there is no /proc."""
    names = []
    try:
        for task in os.listdir("/proc/self/task"):
            with io.open("/proc/self/task/%s/comm" % task, encoding="utf-8", errors="replace") as stream:
                names.append(stream.read())
    except (IOError, OSError):
        return None
    return sum(name.startswith(start) for name in names)


def threads_now():
    """Number of threads of this process, from /proc; None where there is no /proc."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return None


def printed(descriptor, call):
    """What C code prints to file descriptor 1 or 2 while something is called, as text."""
    flush = ctypes.CDLL(None).fflush
    flush(None)
    kept = os.dup(descriptor)
    with tempfile.TemporaryFile() as stream:
        os.dup2(stream.fileno(), descriptor)
        try:
            call()
        finally:
            flush(None)
            os.dup2(kept, descriptor)
            os.close(kept)
        stream.seek(0)
        return stream.read().decode("utf-8", "replace")
