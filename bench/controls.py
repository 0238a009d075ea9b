"""The controls: switches that can move bits. Declared once here; the guest sets them and says what took effect."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Values(Protocol):
    """The values that a control may be given."""

    def legal(self, value: object) -> bool:
        """Whether a value of the matrix is one of them."""

    def describe(self) -> str:
        """All of them in a few words, for messages and docs/controls.md."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    def legal(self, value: object) -> bool:
        return isinstance(value, bool)

    def describe(self) -> str:
        return "true or false"


@dataclass(frozen=True, kw_only=True)
class Whole:
    least: int = 1
    most: int | None = None

    def legal(self, value: object) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return value >= self.least and (self.most is None or value <= self.most)

    def describe(self) -> str:
        return f"a whole number, at least {self.least}" + (f", at most {self.most}" if self.most else "")


@dataclass(frozen=True, kw_only=True)
class OneOf:
    values: tuple[str | int, ...]

    def legal(self, value: object) -> bool:
        return any(value == one and type(value) is type(one) for one in self.values)

    def describe(self) -> str:
        return ", ".join(str(one) for one in self.values)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text that a pattern matches as a whole; `what` and an example say it to people."""

    pattern: str
    what: str
    example: str

    def legal(self, value: object) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None

    def describe(self) -> str:
        return f"{self.what}, such as {self.example!r}"


@dataclass(frozen=True, kw_only=True)
class Control:
    """One switch: what it does, which of the guest's frameworks have it, how it is set and how that is checked."""

    name: str
    values: Values
    what: str
    frameworks: tuple[str, ...]
    how: str
    seen: str

    def problem(self, value: object) -> str | None:
        """What would be legal instead of a value that is not, or None."""
        return None if self.values.legal(value) else self.values.describe()


EVERY = ("cntk", "jax", "numpy", "tensorflow", "theano", "torch")
KERAS = ("cntk", "jax", "tensorflow", "theano", "torch")
KERAS_3 = ("jax", "tensorflow", "torch")
FLAG, COUNT = Flag(), Whole()

_THREADS = (
    Control(name="intra_op_threads", values=COUNT, what="threads inside one operation", frameworks=KERAS,
            how="call; Theano, JAX: OMP_NUM_THREADS, NPROC", seen="call; JAX: threads counted; TensorFlow 1: no way"),
    Control(name="inter_op_threads", values=COUNT, what="operations that run at the same time", frameworks=KERAS,
            how="call", seen="call; TensorFlow 1: no way; JAX, CNTK, Theano have no such threads"),
    Control(name="omp_wait_policy", values=OneOf(values=("ACTIVE", "PASSIVE")), frameworks=("cntk", "theano", "torch"),
            what="whether OpenMP's idle threads spin or sleep", how="OMP_WAIT_POLICY",
            seen="libgomp: omp_display_env, where it has it; libiomp5: kmp_get_blocktime"),
    Control(name="cpu_affinity", values=COUNT, what="processors that the run may use", frameworks=EVERY,
            how="sched_setaffinity, before any thread starts", seen="sched_getaffinity"),
    Control(name="load", values=COUNT, what="busy processes beside the run, for its whole length", frameworks=EVERY,
            how="processes of the guest", seen="they live at the end, and the CPU seconds that they took"),
)  # fmt: skip

_ARITHMETIC = (
    Control(name="op_determinism", values=FLAG, what="only operations that repeat bit by bit, or an error",
            frameworks=("cntk", "jax", "tensorflow", "torch"), how="call; JAX: XLA_FLAGS, for GPUs alone", seen="call"),
    Control(name="ordered_updates", values=FLAG, what="no weight is assigned before all new values are computed",
            frameworks=KERAS, how="TensorFlow 1: the guest builds the step so; others do so anyway",
            seen="TensorFlow 1: the backend's function"),
    Control(name="dtype", values=OneOf(values=("float32", "float64", "extended", "mixed_bfloat16")), frameworks=EVERY,
            what="what is computed in; extended: NumPy alone; mixed_bfloat16: Keras 3 alone",
            how="call; Theano: floatX too, which Keras overwrites when it is imported",
            seen="floatx, the dtype policy; Theano: floatX too"),
    Control(name="jit", values=FLAG, what="Keras 3 has XLA (or torch.compile) compile the training step",
            frameworks=KERAS_3, how="the model's jit_compile", seen="the model's jit_compile"),
    Control(name="eager", values=FLAG, what="operation by operation, the training step is not traced",
            frameworks=KERAS_3, how="the model's run_eagerly", seen="the model's run_eagerly"),
    Control(name="compile_cache", values=FLAG, what="whether compiled modules of earlier runs are used",
            frameworks=("theano",), how="THEANO_FLAGS base_compiledir", seen="the folder that was copied"),
    Control(name="theano_cxxflags", values=Text(pattern=r"-[^,\n]+", what="g++'s options without commas",
                                                example="-march=core2"),
            what="what Theano gives g++", frameworks=("theano",), how="THEANO_FLAGS gcc.cxxflags",
            seen="theano.config.gcc.cxxflags"),
    Control(name="theano_optimizer", values=OneOf(values=("fast_run", "fast_compile", "None")), frameworks=("theano",),
            what="how far Theano rewrites the graph", how="THEANO_FLAGS optimizer", seen="theano.config.optimizer"),
    Control(name="theano_openmp", values=FLAG, what="Theano's own loops over elements run in several threads",
            frameworks=("theano",), how="THEANO_FLAGS openmp", seen="theano.config.openmp"),
)  # fmt: skip

#: Which code a library chooses for this CPU.
_CPU_CODE = (
    Control(name="onednn", values=FLAG, what="whether oneDNN's operations are used", frameworks=("tensorflow", "torch"),
            how="TF_ENABLE_ONEDNN_OPTS; torch.backends.mkldnn.set_flags", seen="IsMklEnabled; mkldnn's flag"),
    Control(name="onednn_isa", values=OneOf(values=("SSE41", "AVX", "AVX2", "AVX512_CORE")),
            what="the newest instructions that oneDNN may use", frameworks=("tensorflow", "torch"),
            how="ONEDNN_MAX_CPU_ISA", seen="PyTorch: what oneDNN says that it runs; TensorFlow: no way"),
    Control(name="xla_cpu_isa", values=OneOf(values=("SSE4_2", "AVX", "AVX2", "AVX512")), frameworks=("jax",),
            what="the newest instructions that XLA may use", how="XLA_FLAGS --xla_cpu_max_isa",
            seen="the CPU features that a compiled function names"),
    Control(name="xla_vector_width", values=OneOf(values=(128, 256, 512)), frameworks=("jax",),
            what="bits of the vectors that XLA prefers", how="XLA_FLAGS --xla_cpu_prefer_vector_width",
            seen="the options that a compiled function carries"),
    Control(name="aten_cpu_capability", values=OneOf(values=("default", "avx2", "avx512")), frameworks=("torch",),
            what="which of PyTorch's own kernels are used", how="ATEN_CPU_CAPABILITY",
            seen="torch.backends.cpu.get_cpu_capability"),
    Control(name="mkl_cbwr", values=OneOf(values=("AUTO", "COMPATIBLE", "SSE2", "SSSE3", "SSE4_1", "SSE4_2", "AVX",
                                                  "AVX2", "AVX512")),
            what="the one code path that MKL takes, whatever the CPU", frameworks=("cntk", "torch"), how="MKL_CBWR",
            seen="mkl_cbwr_get of the loaded MKL"),
    Control(name="openblas_coretype", values=OneOf(values=("Prescott", "Core2", "Nehalem", "Sandybridge", "Haswell",
                                                           "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids")),
            what="the CPU whose kernels OpenBLAS takes; NumPy and SciPy load it", frameworks=EVERY,
            how="OPENBLAS_CORETYPE", seen="openblas_get_corename of each that is loaded"),
    Control(name="numpy_cpu_features", values=Text(pattern=r"[A-Z0-9_]+( [A-Z0-9_]+)*", example="X86_V4 AVX512_ICL",
                                                   what="NumPy's names of features, other ones since 2.4"),
            what="CPU features that NumPy shall not use", frameworks=EVERY, how="NPY_DISABLE_CPU_FEATURES",
            seen="NumPy's __cpu_features__"),
    Control(name="glibc_tunables", values=Text(pattern=r"glibc\.[a-z0-9_.]+=[^:=\s]+(:glibc\.[a-z0-9_.]+=[^:=\s]+)*",
                                               what="tunables of glibc", example="glibc.cpu.hwcaps=-AVX2,-FMA"),
            what="which of glibc's mathematical functions are chosen, and more", frameworks=EVERY,
            how="GLIBC_TUNABLES, from the start of the process",
            seen="hwcaps, since glibc 2.33: __x86_get_cpuid_feature_leaf; others: no way"),
)  # fmt: skip

_GPU = (
    Control(name="tf32", values=FLAG, what="products of float32 on tensor cores, with 10 bits of mantissa",
            frameworks=KERAS_3, how="call", seen="call"),
    Control(name="cudnn_autotune", values=FLAG, what="the GPU's kernels are chosen by timing them", frameworks=KERAS_3,
            how="call; TF_CUDNN_USE_AUTOTUNE; XLA_FLAGS", seen="PyTorch: call; others: no way"),
    Control(name="cudnn_deterministic", values=FLAG, what="only cuDNN algorithms that repeat bit by bit",
            frameworks=("tensorflow", "torch"), how="call; TF_CUDNN_DETERMINISTIC",
            seen="PyTorch: call; others: no way"),
    Control(name="cublas_workspace", values=OneOf(values=(":4096:8", ":16:8")), what="fixed buffers for cuBLAS",
            frameworks=KERAS_3, how="CUBLAS_WORKSPACE_CONFIG", seen="no way"),
)  # fmt: skip

_PROCESS = (
    Control(name="hash_seed", values=Whole(least=0, most=2**32 - 1), what="the seed of Python's hashes of texts",
            frameworks=EVERY, how="PYTHONHASHSEED, from the start of the process",
            seen="/proc/self/environ and sys.flags"),
    Control(name="aslr", values=FLAG, what="addresses of memory drawn anew for each process", frameworks=EVERY,
            how="personality, from the start of the process; Docker's own seccomp profile refuses it",
            seen="personality"),
)  # fmt: skip

CONTROLS: Mapping[str, Control] = {
    control.name: control for control in (*_THREADS, *_ARITHMETIC, *_CPU_CODE, *_GPU, *_PROCESS)
}
