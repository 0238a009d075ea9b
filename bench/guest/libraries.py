"""Controls of libraries that a framework may have loaded, read back from the very copies that this process uses."""
from __future__ import absolute_import, division, print_function

import ctypes
import os
import re

from . import controls, machine

#: What mkl_cbwr_get answers (mkl_service.h); above them a bit says whether the path is kept strictly.
CBWR = {1: "OFF", 2: "AUTO", 3: "COMPATIBLE", 4: "SSE2", 6: "SSSE3", 7: "SSE4_1", 8: "SSE4_2", 9: "AVX", 10: "AVX2",
        11: "AVX512_MIC", 12: "AVX512", 13: "AVX512_MIC_E1", 14: "AVX512_E1"}
ALL = -1

CORENAMES = ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename64_",
             "openblas_get_corename")

#: An OpenBLAS without its oldest kernels (DYNAMIC_OLDER) has Nehalem's for Atom too, and calls them Atom's.
SAME_KERNELS = {b"Atom": "Nehalem"}


def mapped(pattern):
    """Paths of the shared libraries of this process whose name matches, sorted."""
    paths = set(line.split(None, 5)[5] for line in (machine.text("/proc/self/maps") or "").splitlines()
                if line.count("/") and ".so" in line)
    return sorted(path for path in paths if re.search(pattern, os.path.basename(path)))


def told(pattern, symbols, result, *arguments):
    """[(library's name, answer)] of those that match and have one of the functions."""
    found = []
    for path in mapped(pattern):
        library = ctypes.CDLL(path)
        for symbol in symbols:
            function = getattr(library, symbol, None)
            if function is not None:
                function.restype = result
                found.append((os.path.basename(path), function(*arguments)))
                break
    return found


def judged(name, asked, answers, what):
    """In force if every library says so; not in force if there is none of them, or one says otherwise."""
    if not answers:
        return controls.state(name, asked, controls.NOT_IN_FORCE, "this process has loaded no %s" % what)
    good = all(answer.lower() == asked.lower() for _, answer in answers)
    return controls.state(name, asked, controls.IN_FORCE if good else controls.NOT_IN_FORCE,
                          "; ".join("%s: %s" % answer for answer in answers))


def openblas_coretype(name, asked):
    answers = [(library, SAME_KERNELS.get(answer, answer.decode("ascii", "replace"))) for library, answer
               in told(r"openblas", CORENAMES, ctypes.c_char_p)]
    return judged(name, asked, answers, "OpenBLAS that tells its core")


def mkl_cbwr(name, asked):
    answers = [(library, CBWR.get(answer & 0xffff, str(answer))) for library, answer
               in told(r"libmkl|libtorch_cpu", ("mkl_serv_cbwr_get", "MKL_CBWR_Get"), ctypes.c_int, ctypes.c_int(ALL))]
    return judged(name, asked, answers, "MKL that tells its code path")


def numpy_cpu_features(name, asked):
    """NumPy's own table of the CPU's features, from which what was disabled is struck."""
    import numpy
    features = {}
    for module in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        try:
            features = __import__(module, fromlist=["x"]).__cpu_features__
            break
        except (ImportError, AttributeError):
            pass
    if not features:
        return controls.state(name, asked, controls.NOT_IN_FORCE,
                              "NumPy %s has no such switch: it tells no features" % numpy.__version__)
    seen = [(one, features.get(one)) for one in asked.split()]
    good = all(state is False for _, state in seen)
    return controls.state(name, asked, controls.IN_FORCE if good else controls.NOT_IN_FORCE,
                          "NumPy %s, __cpu_features__: %s" % (numpy.__version__, ", ".join(
                              "%s %s" % (one, "unknown" if state is None else state) for one, state in seen)))


def omp_wait_policy(name, asked):
    """libgomp prints its settings since OpenMP 5.1; Intel's library sleeps at once where the policy is passive."""
    if not mapped(r"^lib(gomp|iomp5)"):
        return controls.state(name, asked, controls.NOT_IN_FORCE, "this process has loaded no OpenMP library")
    answers = [(library, "PASSIVE" if milliseconds == 0 else "ACTIVE") for library, milliseconds
               in told(r"^libiomp5", ("kmp_get_blocktime",), ctypes.c_int)]
    for path in mapped(r"^libgomp"):
        display = getattr(ctypes.CDLL(path), "omp_display_env", None)
        text = controls.printed(2, lambda call=display: call(0)) if display else ""
        answers += [(os.path.basename(path), answer) for answer in re.findall(r"OMP_WAIT_POLICY = '(\w+)'", text)]
    if not answers:
        return controls.state(name, asked, controls.UNVERIFIED, "OMP_WAIT_POLICY=%s, set before %s was loaded"
                              % (asked, ", ".join(os.path.basename(path) for path in mapped(r"^libgomp"))))
    return judged(name, asked, answers, "OpenMP library")


#: control -> what tells what became of it.
STATES = {"mkl_cbwr": mkl_cbwr, "numpy_cpu_features": numpy_cpu_features, "omp_wait_policy": omp_wait_policy,
          "openblas_coretype": openblas_coretype}
