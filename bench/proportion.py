"""The share of runs that differ from the first: what n runs bound it by, and how many runs a bound would take.

Exact binomial bounds (C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
case of the binomial", Biometrika 26 (1934) 404-413). They hold if each later run differs from the first with one
probability, whatever the others do; runs of one campaign on one machine are the nearest that can be had.
"""

import math
from dataclasses import dataclass

from bench.groups import CONFIDENCE, differing_share

#: A share of differing runs that people would call rare; reports say how many runs would bound it so.
RARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """`differing` of `later` runs differ from the first; their share in all runs lies from `low` to `high`."""

    differing: int
    later: int
    low: float
    high: float


def bounds(differing: int, later: int) -> Bounds:
    """Bounds at 95 %: from both sides, or from one where none or all of the runs differ, so that the other side is 0
    or 1. ValueError if there is no later run, or not 0 <= differing <= later."""
    if later < 1 or not 0 <= differing <= later:
        raise ValueError(f"{differing} of {later} runs differ: no share")
    # Nearly every cell is at one of the two ends, where the beta quantile is a power: SciPy takes a second to load.
    zero = differing_share(later + 1)
    assert zero is not None
    if differing == 0:
        return Bounds(differing=differing, later=later, low=0.0, high=zero)
    if differing == later:
        return Bounds(differing=differing, later=later, low=1.0 - zero, high=1.0)
    from scipy import stats

    found = stats.binomtest(differing, later).proportion_ci(confidence_level=CONFIDENCE, method="exact")
    return Bounds(differing=differing, later=later, low=float(found.low), high=float(found.high))


def runs_needed(share: float) -> int:
    """How many equal runs, the first included, say at 95 % that fewer than `share` (0 to 1) of runs differ from it:
    the least n with `differing_share(n) < share`."""
    if not 0.0 < share < 1.0:
        raise ValueError(f"share {share!r}; legal: between 0 and 1")
    later = max(1, math.floor(math.log(1.0 - CONFIDENCE) / math.log1p(-share)))
    while (differing_share(later + 1) or 1.0) >= share:  # the logarithms are rounded; this decides
        later += 1
    return later + 1
