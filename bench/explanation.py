"""Which keys of a fingerprint split classes of results: exactly, by refinement, or best by information gain.

The units are machines (or environments) and not runs: a thousand runs of one machine say no more about what parts it
from another than one does.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

#: What a key without a value counts as: it is a value of its own, since absence can be the cause.
ABSENT = "(none)"

Kind = Literal["exact", "refinement", "gain"]


@dataclass(frozen=True, kw_only=True)
class Counterexample:
    """A value of a key that does not settle the class: `units` (positions in the table) by class."""

    value: str
    units: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What keys that always vary together say about the classes.

    `exact`: their partition of the units is that of the classes. `refinement`: each of their values lies in one class,
    and at least one value is shared by several units. `gain`: neither; `gain` says how much of the classes' entropy
    they account for, and `counterexamples` where they fail.

    `gain` is the mutual information of key and class, I(C; K) = H(C) - H(C | K), and `entropy` is H(C), both in bits
    (C. E. Shannon, Bell System Technical Journal 27 (1948) 379-423); units count alike.
    """

    kind: Kind
    keys: tuple[str, ...]
    values: tuple[tuple[str, tuple[int, ...]], ...]
    gain: float
    entropy: float
    counterexamples: tuple[Counterexample, ...]

    @property
    def share(self) -> float:
        """The part of the classes' entropy that is accounted for, 0 to 1."""
        return self.gain / self.entropy


@dataclass(frozen=True, kw_only=True)
class Table:
    """Keys of units, made once and asked for any part of the units.

    Keys whose partitions of all units are equal share a row of `codes`, (rows, units) int64; `labels` has the values of
    the first key of each row, by code.
    """

    keys: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int64]
    labels: tuple[tuple[str, ...], ...]

    @staticmethod
    def of(units: Sequence[Mapping[str, str]]) -> "Table":
        """The table of units whose keys are given; keys with one value on all of them are left out."""
        found: dict[bytes, tuple[list[str], NDArray[np.int64], list[str]]] = {}
        for key in sorted({key for unit in units for key in unit}):
            codes, labels = _factorize([unit.get(key, ABSENT) for unit in units])
            if len(labels) > 1:
                found.setdefault(codes.tobytes(), ([], codes, labels))[0].append(key)
        return Table(
            keys=tuple(tuple(keys) for keys, _, _ in found.values()),
            codes=np.array([codes for _, codes, _ in found.values()], dtype=np.int64).reshape(len(found), len(units)),
            labels=tuple(tuple(labels) for _, _, labels in found.values()),
        )


def explain(classes: Sequence[int], table: Table, units: Sequence[int] | None = None) -> tuple[Explanation, ...]:
    """Explanations of a split, the best first: all that are exact; where there are none, the few refinements with the
    fewest values and the best few by gain.

    `classes` has a class number for each of `units`, positions in the table (None: all of it). Keys that have one
    value on these units explain nothing and are left out, and so are those with another one on each unit, unless each
    unit is a class of its own. Linear in units times keys.
    """
    chosen = np.arange(table.codes.shape[1]) if units is None else np.asarray(units, dtype=np.int64)
    if len(classes) != len(chosen):
        raise ValueError(f"{len(classes)} classes for {len(chosen)} units")
    codes = _in_order(np.asarray(classes, dtype=np.int64))[0]
    if len(codes) == 0 or codes.max() == 0:
        return ()
    candidates = [_candidate(*one, codes) for one in _together(table, chosen, int(codes.max()) + 1)]
    by_kind = {
        kind: sorted((one for one in candidates if one.kind == kind and one.gain > ENOUGH), key=_Candidate.rank)
        for kind in ("exact", "refinement", "gain")
    }
    # What splits them exactly needs no echo; a refinement of many values may be chance, so the best others stand by it.
    kept = by_kind["exact"] or [*by_kind["refinement"][:FEW], *by_kind["gain"][:FEW]]
    return tuple(_explanation(one, codes) for one in kept)


#: Gains below this many bits are rounding.
ENOUGH = 1e-9


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """Keys with one partition of the units; `joint` has (value, class, count) of what occurs, shape (n, 3)."""

    keys: tuple[str, ...]
    partition: NDArray[np.int64]
    labels: Sequence[str]
    joint: NDArray[np.int64]
    kind: Kind
    gain: float
    entropy: float

    def rank(self) -> tuple[object, ...]:
        """Refinements by how few values they need, others by gain; of equals the fewer values."""
        first = 0.0 if self.kind == "refinement" else -round(self.gain, 9)
        return first, len(self.labels), self.keys


def _candidate(
    keys: tuple[str, ...], partition: NDArray[np.int64], labels: Sequence[str], codes: NDArray[np.int64]
) -> _Candidate:
    width = int(codes.max()) + 1
    pairs, counts = np.unique(partition * width + codes, return_counts=True)
    entropy = _entropy(np.bincount(codes))
    kind: Kind = "gain"
    if len(pairs) == len(labels):  # each value in one class
        kind = "exact" if len(labels) == width else "refinement"
    return _Candidate(
        keys=keys,
        partition=partition,
        labels=labels,
        joint=np.stack([pairs // width, pairs % width, counts], axis=1),
        kind=kind,
        # I(C; K) = H(C) - (H(C, K) - H(K))
        gain=entropy - (_entropy(counts) - _entropy(np.bincount(partition))),
        entropy=entropy,
    )


def _together(
    table: Table, units: NDArray[np.int64], classes: int
) -> list[tuple[tuple[str, ...], NDArray[np.int64], list[str]]]:
    """Keys by the partition that they make of these units, with the values of the first of them. A key with another
    value on each unit says something only if each unit is a class of its own."""
    found: dict[bytes, tuple[list[str], NDArray[np.int64], list[str]]] = {}
    for keys, column, labels in zip(table.keys, table.codes, table.labels, strict=True):
        partition, seen = _in_order(column[units])
        if 1 < len(seen) < len(units) or len(seen) == len(units) == classes:
            values = [labels[code] for code in seen.tolist()]
            found.setdefault(partition.tobytes(), ([], partition, values))[0].extend(keys)
    return [(tuple(sorted(keys)), partition, values) for keys, partition, values in found.values()]


def _factorize(column: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Numbers for values in the order in which they first come, so that equal partitions are equal arrays."""
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(value, len(numbers)) for value in column]
    return np.asarray(codes, dtype=np.int64), list(numbers)


def _in_order(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes renumbered in the order in which they first come, and the old code of each new one."""
    seen, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[inverse], seen[order]


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def _explanation(one: _Candidate, codes: NDArray[np.int64]) -> Explanation:
    by_value: dict[int, list[int]] = {}
    for value, label, _ in one.joint.tolist():
        by_value.setdefault(value, []).append(label)
    return Explanation(
        kind=one.kind,
        keys=one.keys,
        values=tuple((one.labels[value], tuple(found)) for value, found in by_value.items()),
        gain=min(one.gain, one.entropy),
        entropy=one.entropy,
        counterexamples=_counterexamples(one.partition, one.labels, codes, by_value) if one.kind == "gain" else (),
    )


def _counterexamples(
    partition: NDArray[np.int64], labels: Sequence[str], codes: NDArray[np.int64], by_value: Mapping[int, list[int]]
) -> tuple[Counterexample, ...]:
    """The values that are in several classes, the most evenly split first, at most `FEW` of them."""
    mixed = [value for value, found in by_value.items() if len(found) > 1]
    found = []
    for value in mixed:
        units = np.flatnonzero(partition == value)
        split = Counter(codes[units].tolist())
        least = len(units) - max(split.values())
        members = tuple((label, tuple(units[codes[units] == label].tolist()[:FEW])) for label in sorted(split))
        found.append((-least, Counterexample(value=labels[value], units=members)))
    return tuple(one for _, one in sorted(found, key=lambda item: (item[0], item[1].value))[:FEW])


#: So many of the keys that vary together are named in a sentence.
NAMED = 6

#: So many counterexamples are kept, and so many units of each class in them.
FEW = 3


def suspects(
    classes: Sequence[int], table: Table, units: Sequence[int] | None = None
) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Units that stand apart from others with the very same fingerprint: (the few, the many) by position in `classes`.

    Either their hardware is at fault or what parts them is not recorded. Where two parties are equally large, the
    later one is named as the few.
    """
    columns = table.codes if units is None else table.codes[:, list(units)]
    alike: dict[bytes, list[int]] = {}
    for position in range(len(classes)):
        alike.setdefault(columns[:, position].tobytes(), []).append(position)
    found = []
    for positions in alike.values():
        parties: dict[int, list[int]] = {}
        for position in positions:
            parties.setdefault(classes[position], []).append(position)
        if len(parties) > 1:
            many = max(parties.values(), key=lambda party: (len(party), -party[0]))
            few = sorted(position for party in parties.values() if party is not many for position in party)
            found.append((tuple(few), tuple(many)))
    return tuple(found)


def sentence(one: Explanation) -> str:
    """An explanation in words, with its figure."""
    named = one.keys[0]
    if len(one.keys) > 1:
        rest = [*one.keys[1:NAMED], *([f"{len(one.keys) - NAMED} more"] if len(one.keys) > NAMED else [])]
        named += f" (and what varies with it: {', '.join(rest)})"
    if one.kind == "exact":
        return f"{named} splits them exactly: {_values(one)}"
    if one.kind == "refinement":
        return f"{named} settles the class: each of its {len(one.values)} values lies in one class"
    share = math.floor(1000 * one.share) / 10  # never rounded up to 100 %
    return (
        f"{named} accounts for {share:.1f} % of the split ({one.gain:.2f} of {one.entropy:.2f} bits), not for all of it"
    )


def _values(one: Explanation) -> str:
    return ", ".join(
        f"{value[:60]} in class {' '.join(str(label + 1) for label in found)}" for value, found in one.values
    )
