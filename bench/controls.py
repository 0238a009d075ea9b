"""The controls: switches that can move bits. Declared once here; the guest sets them and says what took effect."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Control:
    """One switch: its legal values (booleans, whole numbers from 1, or the texts listed) and what it does."""

    name: str
    type: type[int] | type[bool] | tuple[str, ...]
    what: str

    def problem(self, value: object) -> str | None:
        """What would be legal instead of a value that is not, or None."""
        if isinstance(self.type, tuple):
            return None if isinstance(value, str) and value in self.type else ", ".join(self.type)
        if self.type is bool:
            return None if isinstance(value, bool) else "true or false"
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        return None if whole else "a whole number, at least 1"


CONTROLS: Mapping[str, Control] = {
    control.name: control
    for control in (
        Control(name="intra_op_threads", type=int, what="threads inside one operation"),
        Control(name="inter_op_threads", type=int, what="operations that run at the same time"),
        Control(name="op_determinism", type=bool, what="only operations that repeat bit by bit, or an error"),
        Control(name="ordered_updates", type=bool, what="no weight is assigned before all new values are computed"),
        Control(name="dtype", type=("float32", "float64", "extended"), what="what is computed in"),
        Control(name="tf32", type=bool, what="products of float32 on tensor cores, with 10 bits of mantissa"),
        Control(name="cudnn_autotune", type=bool, what="the GPU's kernels are chosen by timing them"),
        Control(name="cudnn_deterministic", type=bool, what="only cuDNN algorithms that repeat bit by bit"),
        Control(name="cublas_workspace", type=(":4096:8", ":16:8"), what="CUBLAS_WORKSPACE_CONFIG, fixed buffers"),
        Control(name="compile_cache", type=bool, what="whether compiled modules of earlier runs are used"),
    )
}
