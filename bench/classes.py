"""Equivalence classes: who computed the same thing to the same bits, and which keys of the fingerprints split them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench import explanation, machines
from bench.cell import selected
from bench.explanation import Explanation, Table
from bench.index import Index

if TYPE_CHECKING:
    import pandas as pd


UNIT = ["name", "environment"]
#: What two attempts at one run that ended alike have in common.
RUN = ["subject", "machine", "hardware", "stack", "campaign", "index", "class"]


@dataclass(frozen=True, kw_only=True)
class ResultClass:
    """Runs of one subject with one result; `machines` are those that always end in it, by name (one at least), and
    `record` is the digest of one of their records."""

    result: str
    record: str
    runs: int
    machines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """Machines that stand apart from `others` with the very same fingerprint: their hardware is suspect, or what parts
    them is not recorded."""

    machines: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Split:
    """One subject's classes, the largest first, and what explains them.

    `unrepeatable` are the machines whose own runs do not agree: they are in no class. `strays` counts the results
    that only they have, and `repeatability` says which keys part them from those whose runs all agree.
    """

    subject: str
    runs: int
    classes: tuple[ResultClass, ...]
    unrepeatable: tuple[str, ...]
    strays: int
    explanations: tuple[Explanation, ...]
    repeatability: tuple[Explanation, ...]
    suspects: tuple[Suspect, ...]

    @property
    def machines(self) -> tuple[str, ...]:
        """Every machine that has runs of the subject, by name."""
        return tuple(sorted({*self.unrepeatable, *(name for one in self.classes for name in one.machines)}))


def meant(subject: str, patterns: Sequence[str]) -> bool:
    """Whether patterns select a subject, by itself or by the cell that a run's subject starts with."""
    return selected(subject, patterns) or selected(subject.partition(" ")[0], patterns)


def sentence(split: Split) -> str:
    """What a split says, with its evidence."""
    machines = len(split.machines)
    text = f"{split.subject}: {split.runs} runs on {machines} {'machine' if machines == 1 else 'machines'}"
    if len(split.classes) == 1 and not split.unrepeatable:
        return f"{text} are one class."
    parts = [f"{len(split.classes)} {'class' if len(split.classes) == 1 else 'classes'}"] if split.classes else []
    if split.unrepeatable:
        parts.append(f"on {', '.join(split.unrepeatable)} the runs do not agree with each other")
    text = f"{text}: {'; '.join(parts)}."
    if split.explanations:
        text += f" {explanation.sentence(split.explanations[0])}."
    elif len(split.classes) > 1:
        text += " No recorded key explains the classes."
    for one in split.suspects:
        text += (
            f" {', '.join(one.machines)} stands apart from {', '.join(one.others)} with the very same fingerprint: "
            "suspect hardware, or a difference that is not recorded."
        )
    return text


def splits(index: Index) -> tuple[Split, ...]:
    """Every subject of an index, in order of name. Linear in the number of runs; the explanations depend on the number
    of different environments only."""
    order = list(index.environments)
    table = Table.of([index.environments[one] for one in order])
    numbers = {environment: number for number, environment in enumerate(order)}
    explain = _Explained(table)
    counted = _counted(index.runs)
    return tuple(
        _split(str(subject), rows, numbers, explain) for subject, rows in counted.groupby("subject", sort=True)
    )


def _counted(runs: "pd.DataFrame") -> "pd.DataFrame":
    """One row for each (subject, machine, environment, class) with its number of runs and a record."""
    grouped = labelled(runs).groupby(["subject", *UNIT, "class"], sort=True, observed=True)["record"]
    return grouped.agg(runs="size", record="min").reset_index()


def labelled(runs: "pd.DataFrame") -> "pd.DataFrame":
    """The runs of an index that are ok, with `class` (what tells results apart) and `name` (of the machine)."""
    ok = runs[runs["subject"] != ""].copy()
    # A run that did not keep the weights on the way is with the first of its result that did: it splits no class, and
    # joins none either.
    ways = ok["way"].where(ok["way"] != "")
    known = ways.groupby([ok["subject"], ok["result"]]).transform("min")
    ok["class"] = (ok["result"] + " " + ways.fillna(known).fillna("")).str.rstrip()
    ok["name"] = _names(ok)
    return _once(ok)


def fingerprints(index: Index) -> Mapping[str, Mapping[str, str]]:
    """The keys of each machine, by name, as its latest run has them."""
    rows = labelled(index.runs).sort_values(["started", "record"]).drop_duplicates("name", keep="last")
    pairs = zip(rows["name"], rows["environment"], strict=True)
    return {str(name): index.environments[str(environment)] for name, environment in pairs}


def _once(runs: "pd.DataFrame") -> "pd.DataFrame":
    """Of several attempts at one run that ended alike the earliest counts: they are no more evidence than one. Those
    that ended otherwise all count, and observations of other tools, which may not say which run they are of."""
    again = runs.duplicated(RUN, keep=False) & (runs["stack"] != "")
    if not again.any():
        return runs
    kept = runs[again].sort_values(["started", "record"]).drop_duplicates(RUN)
    return runs[~again | runs["record"].isin(kept["record"])]


def _names(runs: "pd.DataFrame") -> "pd.Series[str]":
    """Machines by label; by label and hardware where one label stands for several machines."""
    pairs = runs[["machine", "hardware"]]
    each = pairs.drop_duplicates()
    known = machines.names(each.itertuples(index=False, name=None))
    named = each.assign(name=[known[pair] for pair in each.itertuples(index=False, name=None)])
    return pairs.merge(named, how="left")["name"].set_axis(runs.index)


class _Explained:
    """Explanations of one table; many subjects split alike, and each such split is explained once."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.known: dict[tuple[bytes, bytes], tuple[Explanation, ...]] = {}

    def __call__(self, classes: Sequence[int], units: Sequence[int]) -> tuple[Explanation, ...]:
        key = (np.asarray(classes, dtype=np.int64).tobytes(), np.asarray(units, dtype=np.int64).tobytes())
        if key not in self.known:
            self.known[key] = explanation.explain(classes, self.table, units)
        return self.known[key]


def _split(subject: str, rows: "pd.DataFrame", numbers: Mapping[str, int], explain: _Explained) -> Split:
    # A unit is a machine in one environment: two machines may have the very same fingerprint.
    firm = rows.groupby(UNIT)["class"].transform("nunique") == 1
    units = rows[firm].drop_duplicates(UNIT)
    by_class = rows.groupby("class")
    sizes, records = by_class["runs"].sum(), by_class["record"].min()
    kept = sorted(set(units["class"]), key=lambda one: (-int(sizes[one]), str(one)))
    place = {one: position for position, one in enumerate(kept)}
    classes = [place[one] for one in units["class"]]
    unit_numbers = [numbers[one] for one in units["environment"]]
    names = units["name"].tolist()
    members: dict[int, set[str]] = {}
    for position, name in zip(classes, names, strict=True):
        members.setdefault(position, set()).add(name)
    loose = rows[~firm].drop_duplicates(UNIT)
    both = [*unit_numbers, *(numbers[one] for one in loose["environment"])]
    return Split(
        subject=subject,
        runs=int(rows["runs"].sum()),
        classes=tuple(
            ResultClass(
                result=str(one),
                record=str(records[one]),
                runs=int(sizes[one]),
                machines=tuple(sorted(members[position])),
            )
            for one, position in place.items()
        ),
        unrepeatable=tuple(sorted(set(loose["name"]))),
        strays=len(sizes) - len(kept),
        explanations=explain(classes, unit_numbers),
        repeatability=explain([0] * len(units) + [1] * len(loose), both) if len(units) else (),
        suspects=tuple(
            Suspect(machines=_named(few, names), others=_named(many, names))
            for few, many in explanation.suspects(classes, explain.table, unit_numbers)
        ),
    )


def _named(positions: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({names[position] for position in positions}))
