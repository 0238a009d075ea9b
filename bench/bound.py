"""How close is close enough."""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, kw_only=True)
class Bound:
    """How close is close enough: `identical`, `N ulp` of weights and predictions, `N digits` of scores."""

    LEGAL: ClassVar[tuple[str, ...]] = ("identical", "N ulp", "N digits")

    kind: Literal["identical", "ulp", "digits"]
    limit: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind == "identical" else f"{self.limit:g} {self.kind}"

    @staticmethod
    def parse(text: str) -> "Bound":
        """ValueError if the text is none of `LEGAL`."""
        if text == "identical":
            return Bound(kind="identical")
        match = re.fullmatch(r"(\d+(?:\.\d+)?) (ulp|digits)", text)
        if not match or (match.group(2) == "ulp" and "." in match.group(1)):
            raise ValueError(text)
        return Bound(kind="ulp" if match.group(2) == "ulp" else "digits", limit=float(match.group(1)))
