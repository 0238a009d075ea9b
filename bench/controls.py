"""The controls: switches that can move bits. Declared once here; the guest sets them and says what took effect."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Control:
    """One switch: the type of its values, the least integer, what it does."""

    name: str
    type: type[int] | type[bool]
    what: str
    least: int = 1

    def problem(self, value: object) -> str | None:
        """What is wrong with a value, or None."""
        if self.type is bool:
            return None if isinstance(value, bool) else "true or false"
        if isinstance(value, bool) or not isinstance(value, int) or value < self.least:
            return f"a whole number, at least {self.least}"
        return None


CONTROLS: Mapping[str, Control] = {
    control.name: control
    for control in (
        Control(name="intra_op_threads", type=int, what="threads inside one operation"),
        Control(name="inter_op_threads", type=int, what="operations that run at the same time"),
        Control(name="op_determinism", type=bool, what="only operations that repeat bit by bit, or an error"),
        Control(name="ordered_updates", type=bool, what="no weight is assigned before all new values are computed"),
        Control(name="compile_cache", type=bool, what="whether compiled modules of earlier runs are used"),
    )
}
