"""JAX, under Keras 3."""
from __future__ import absolute_import, division, print_function

import os
import re

from .. import controls
from .base import Traced, add_flags, short

#: Names of XLA's threads for the CPU, as /proc has them.
POOLS = ("tf_XLAEigen", "tf_XLATfrtCpuCl")

#: Controls that are a flag of XLA with the value as its text.
FLAGS = {"xla_cpu_isa": "--xla_cpu_max_isa", "xla_vector_width": "--xla_cpu_prefer_vector_width"}

#: What each of XLA's instruction sets has and the next one below it has not, in LLVM's words, the oldest first.
STEPS = (("SSE4_2", "sse4.2"), ("AVX", "avx"), ("AVX2", "avx2"), ("AVX512", "avx512f"))

#: Field xla_cpu_prefer_vector_width (308) of xla.DebugOptions as protocol buffers write it: a number follows.
WIDTH = b"\xa0\x13"


class Jax(Traced):
    """Everything is compiled by XLA; its flags are read once, at the first computation."""

    name = "jax"

    def prepare(self, asked, accelerator, compile_folder):
        super(Jax, self).prepare(asked, accelerator, compile_folder)
        self.accelerator = accelerator
        os.environ["JAX_PLATFORMS"] = "cpu" if accelerator == "cpu" else "cuda"
        # All of a GPU's memory at once is of no use here, and hinders a second process on it.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        flags = []
        if "intra_op_threads" in asked:
            os.environ["NPROC"] = str(asked["intra_op_threads"])  # what XLA's pools take their size from
            flags.append("--xla_cpu_multi_thread_eigen=%s" % str(asked["intra_op_threads"] > 1).lower())
        if asked.get("op_determinism") and accelerator == "gpu":
            flags += ["--xla_gpu_deterministic_ops=true", "--xla_gpu_exclude_nondeterministic_ops=true"]
        flags += ["%s=%s" % (FLAGS[name], asked[name]) for name in sorted(FLAGS) if name in asked]
        if "cudnn_autotune" in asked and accelerator == "gpu":
            flags.append("--xla_gpu_autotune_level=%d" % (4 if asked["cudnn_autotune"] else 0))
        if flags:
            add_flags("XLA_FLAGS", flags)
        if asked.get("dtype") == "float64":
            os.environ["JAX_ENABLE_X64"] = "1"

    def seed(self, value):
        """JAX has no seed of the process; what Keras draws for it comes from Keras's own generators."""

    def configure(self, asked):
        import jax
        if "tf32" in asked:
            jax.config.update("jax_default_matmul_precision", "tensorfloat32" if asked["tf32"] else "highest")

    def state_of_intra_op_threads(self, name, value):
        if self.accelerator == "gpu":
            return controls.state(name, value, controls.NOT_IN_FORCE, "the threads are the CPU's, not the GPU's")
        seen = controls.threads_named(POOLS[0])
        if not seen:
            return controls.state(name, value, controls.UNVERIFIED, "NPROC=%s; no thread of XLA's is named %s"
                                  % (os.environ["NPROC"], POOLS[0]))
        return controls.read_back(name, value, seen, "threads named %s" % POOLS[0])

    def state_of_inter_op_threads(self, name, value):
        return controls.state(name, value, controls.UNVERIFIED,
                              "JAX runs one compiled computation at a time; how XLA spreads it is intra_op_threads")

    def state_of_ordered_updates(self, name, value):
        return controls.read_back(name, value, True, "JAX's arrays are immutable")

    def state_of_op_determinism(self, name, value):
        if self.accelerator == "cpu":
            return controls.state(name, value, controls.NOT_IN_FORCE, "XLA has this switch for GPUs alone")
        return self.flags_state(name, value)

    def flags_state(self, name, value):
        return controls.state(name, value, controls.UNVERIFIED, "XLA_FLAGS=%s" % os.environ.get("XLA_FLAGS", ""))

    def state_of_xla_cpu_isa(self, name, value):
        code = compiled()
        features = re.search(br"[+-][a-z0-9.]+,[+-][a-z0-9.,+_-]{200,}", code)
        if features is None:
            return self.flags_state(name, value)
        words = features.group(0).decode("ascii").split(",")
        newest = [isa for isa, feature in STEPS if "+" + feature in words][-1:]
        return controls.read_back(name, value, "".join(newest), "the newest that a compiled function may use")

    def state_of_xla_vector_width(self, name, value):
        widths = set(one for one in (128, 256, 512) if WIDTH + varint(one) in compiled())
        if len(widths) != 1:
            return self.flags_state(name, value)
        return controls.read_back(name, value, widths.pop(), "xla_cpu_prefer_vector_width of a compiled function")

    def state_of_cudnn_autotune(self, name, value):
        return self.flags_state(name, value) if self.accelerator == "gpu" else None

    def state_of_cublas_workspace(self, name, value):
        return controls.state(name, value, controls.UNVERIFIED, "CUBLAS_WORKSPACE_CONFIG=%s, set before the import"
                              % os.environ.get("CUBLAS_WORKSPACE_CONFIG"))

    def state_of_tf32(self, name, value):
        import jax
        seen = jax.config.jax_default_matmul_precision
        return controls.read_back(name, value, seen == "tensorfloat32", "jax_default_matmul_precision %s" % seen)

    def reader(self, model):
        """Without the checks of Keras, which alone are a hundredth of an epoch of the smallest workload."""
        import numpy
        variables = list(model.weights)
        return lambda: [numpy.asarray(one.value) for one in variables]

    def gpus(self):
        import jax
        try:
            return sorted(short("gpu:%d" % one.id) for one in jax.devices() if one.platform == "gpu")
        except (RuntimeError, AssertionError):  # how JAX says that the platform it was told to use is not there
            return []

    def placement(self, model):
        found = set()
        for weight in model.weights:
            for device in weight.value.devices():
                found.add("gpu:%d" % device.id if device.platform == "gpu" else "cpu")
        return sorted(found)

    def facts(self):
        import jax
        import jaxlib
        facts = {"jax": jax.__version__, "jaxlib": jaxlib.__version__, "jax.x64": jax.config.jax_enable_x64,
                 "jax.matmul_precision": jax.config.jax_default_matmul_precision}
        for device in jax.devices():
            if device.platform == "gpu":
                facts["jax.gpu%d" % device.id] = "%s, compute capability %s" % (
                    device.device_kind, getattr(device, "compute_capability", "unknown"))
        facts.update(cuda_versions())
        return facts


def compiled():
    """A small function as XLA's own serialized executable; empty where this JAX gives none."""
    import jax
    try:
        executable = jax.jit(lambda value: value + 1).lower(1.0).compile().runtime_executable()
        return bytes(executable.serialize())
    except Exception:  # private to JAX, and whatever it raises, there is nothing to read back then
        return b""


def varint(number):
    """A whole number as protocol buffers write it."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes(bytearray(parts + [number]))


def cuda_versions():
    """Versions of the CUDA libraries that JAX's plugin has loaded; empty on a CPU, or where it does not tell."""
    try:
        from jax._src.lib import cuda_versions as told
    except ImportError:
        return {}
    getters = dict((name, getattr(told, name)) for name in dir(told) if name.endswith("get_version"))
    found = {}
    for name, getter in sorted(getters.items()):
        try:
            found["jax.%s" % name.replace("_get_version", "")] = getter()
        except Exception as error:  # each asks a library of its own, and any of them may be missing
            found["jax.%s" % name.replace("_get_version", "")] = "not told: %s" % type(error).__name__
    return found
