"""How close is close enough."""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

Tier = Literal["exact", "bounded", "statistical"]
#: The strongest promise first.
TIERS: tuple[Tier, ...] = ("exact", "bounded", "statistical")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """How close is close enough: `identical`, `N ulp` of weights and predictions, `N digits` of scores, or scores of
    the `same-distribution`."""

    LEGAL: ClassVar[tuple[str, ...]] = ("identical", "N ulp", "N digits", "same-distribution")

    kind: Literal["identical", "ulp", "digits", "same-distribution"]
    limit: float = 0.0

    def __str__(self) -> str:
        return f"{self.limit:g} {self.kind}" if self.kind in ("ulp", "digits") else self.kind

    @property
    def tier(self) -> Tier:
        """How strong a promise it is."""
        return {"identical": TIERS[0], "same-distribution": TIERS[2]}.get(self.kind, TIERS[1])

    @staticmethod
    def parse(text: str) -> "Bound":
        """ValueError if the text is none of `LEGAL`."""
        if text == "identical":
            return Bound(kind="identical")
        if text == "same-distribution":
            return Bound(kind="same-distribution")
        match = re.fullmatch(r"(\d+(?:\.\d+)?) (ulp|digits)", text)
        if not match or (match.group(2) == "ulp" and "." in match.group(1)):
            raise ValueError(text)
        return Bound(kind="ulp" if match.group(2) == "ulp" else "digits", limit=float(match.group(1)))
