"""What is counted while two tensors are walked through: by each thread for itself, then added up."""

from dataclasses import dataclass, field, fields

from bench.tensors.median import Median, Population


@dataclass(kw_only=True)
class Tally:
    """Counts of pairs of elements whose bits differ, and the largest distances seen.

    `nan_mismatches`: NaN on one side only. `nan_payloads`: two NaN of different bits. `infinity_mismatches`: an
    infinity against a number or against the other infinity. `signed_zeros`: 0.0 and -0.0. `largest`: ULP of floats,
    the absolute difference of integers. `relative`: the largest |a - b| / max(|a|, |b|). Both are over finite pairs,
    and so are the medians that were asked for, of floats alone: that of this tensor, and that of all.
    """

    differing: int = 0
    nan_mismatches: int = 0
    nan_payloads: int = 0
    infinity_mismatches: int = 0
    signed_zeros: int = 0
    largest: int = 0
    relative: float = 0.0
    medians: dict[Population, Median] = field(default_factory=dict)

    @property
    def measured(self) -> int:
        """Differing pairs that have a distance."""
        return self.differing - self.nan_mismatches - self.nan_payloads - self.infinity_mismatches

    def add(self, other: "Tally") -> None:
        """Takes in what another thread, or another tensor, counted; of the medians those that this one has too."""
        for population, median in self.medians.items():
            median.merge(other.medians[population])
        self.largest = max(self.largest, other.largest)
        self.relative = max(self.relative, other.relative)
        for one in fields(self):
            if one.name not in ("medians", "largest", "relative"):
                setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
