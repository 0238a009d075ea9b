"""The hardware and its dated surroundings, as seen from inside. No host, user or address is read."""
from __future__ import absolute_import, division, print_function

import glob
import hashlib
import io
import os
import platform
import re
import subprocess
import time

from . import emulation

#: Environment variables that can move bits; others are not recorded.
RELEVANT = re.compile(r"^(OMP|MKL|OPENBLAS|KMP|GOMP|ATEN|TORCH|CUDA|CUDNN|CUBLAS|NVIDIA|XLA|JAX|TF|KERAS|THEANO|NPY|"
                      r"GLIBC|MALLOC|PYTHONHASHSEED|LD_PRELOAD|LD_BIND|DNNL|ONEDNN)")


def text(path):
    """A small file's text, stripped; None where it cannot be read."""
    try:
        with io.open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except (IOError, OSError):
        return None


def cpuinfo():
    """The first processor's fields of /proc/cpuinfo."""
    fields = {}
    for line in (text("/proc/cpuinfo") or "").split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    return fields


def caches():
    """`level type size` of the first processor's caches, as the kernel lists them."""
    found = []
    for folder in sorted(glob.glob("/sys/devices/system/cpu/cpu0/cache/index*")):
        values = [text(os.path.join(folder, name)) for name in ("level", "type", "size")]
        if all(values):
            found.append("L%s %s %s" % tuple(values))
    return found


def visible_cpus():
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    match = re.search(r"^Cpus_allowed_list:\s*(\S+)", text("/proc/self/status") or "", re.M)
    count = 0
    for part in (match.group(1).split(",") if match else []):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count or None


def hardware():
    """What the machine is, with its digest: CPU, flags, caches, processors, and what it is made to pass for."""
    info = cpuinfo()
    keys = {
        "architecture": platform.machine(),
        "cpu_vendor": info.get("vendor_id"),
        "cpu_model": info.get("model name"),
        "cpu_family": info.get("cpu family"),
        "cpu_model_number": info.get("model"),
        "cpu_stepping": info.get("stepping"),
        "cpu_flags": " ".join(sorted((info.get("flags") or info.get("Features") or "").split())),
        "cpu_caches": ", ".join(caches()),
        "cpus": (text("/proc/cpuinfo") or "").count("processor\t:"),
        "gpus": gpus(),
    }
    keys.update(emulation.hardware())
    lines = "".join("%s %s\n" % (key, keys[key]) for key in sorted(keys))
    return dict(keys, digest=hashlib.sha256(lines.encode("utf-8")).hexdigest())


#: What nvidia-smi is asked of each GPU. No serial number, UUID or bus address: those name one owner's device.
ASKED_OF_GPUS = ("name", "compute_cap", "driver_version", "vbios_version", "memory.total", "ecc.mode.current",
                 "mig.mode.current", "compute_mode", "clocks.max.sm", "power.limit")


def nvidia_smi(command="nvidia-smi"):
    """[{what was asked: answer}] for each NVIDIA GPU; empty without the driver's tool."""
    try:
        process = subprocess.Popen([command, "--query-gpu=" + ",".join(ASKED_OF_GPUS), "--format=csv,noheader"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError:
        return []
    output = process.communicate()[0].decode("utf-8", "replace")
    if process.returncode:
        return []
    answers = [[part.strip() for part in line.split(",")] for line in output.splitlines()]
    return [dict(zip(ASKED_OF_GPUS, answer)) for answer in answers if len(answer) == len(ASKED_OF_GPUS)]


def gpus():
    """Models of NVIDIA GPUs that the driver shows; a container may see its tool and not its files."""
    models = []
    for path in sorted(glob.glob("/proc/driver/nvidia/gpus/*/information")):
        match = re.search(r"^Model:\s*(.+)$", text(path) or "", re.M)
        models.append(match.group(1).strip() if match else "unknown")
    return models or [one["name"] for one in nvidia_smi()]


def surroundings():
    """What can change from one night to the next: kernel, microcode, driver, limits, load."""
    info = cpuinfo()
    load = (text("/proc/loadavg") or "").split()[:3]
    return {
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "microcode": info.get("microcode"),
        "nvidia_driver": text("/sys/module/nvidia/version"),
        "nvidia_gpus": nvidia_smi(),
        "visible_cpus": visible_cpus(),
        "cgroup_cpu_quota": text("/sys/fs/cgroup/cpu.max") or text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
        "cgroup_memory_limit": text("/sys/fs/cgroup/memory.max") or text(
            "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        "load": " ".join(load),
        "transparent_hugepages": text("/sys/kernel/mm/transparent_hugepage/enabled"),
        "randomize_va_space": text("/proc/sys/kernel/randomize_va_space"),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def variables():
    """Environment variables that can move bits."""
    return dict((key, value) for key, value in os.environ.items() if RELEVANT.match(key))


def libraries():
    """Names of the shared libraries that this process has mapped: which BLAS, which OpenMP, which cuDNN."""
    names = set()
    for line in (text("/proc/self/maps") or "").splitlines():
        parts = line.split(None, 5)
        if len(parts) == 6 and ".so" in parts[5]:
            names.add(os.path.basename(parts[5]))
    return sorted(name for name in names if not re.search(r"\.(cpython|cp)-?\d+.*\.so$", name))
