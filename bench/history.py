"""When a machine's result changed from one campaign to the next, and what else changed with it."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import classes
from bench.explanation import ABSENT
from bench.index import Index

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class KeyChange:
    """A key of the fingerprint before and after; `(none)` where it was not there."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """Two campaigns in a row of one subject on one machine, and what is not the same in them.

    `results` says whether the runs' results changed: `changed` (every run of each campaign agrees, on another result),
    `came apart` (the earlier runs agreed with each other, the later ones do not), `came together`, or `same`; `repeats`
    is False where neither campaign's runs agree with each other, so that nothing could change.
    `records` are digests of one record of each campaign, to be compared.
    """

    subject: str
    machine: str
    before: str
    after: str
    results: str
    repeats: bool
    keys: tuple[KeyChange, ...]
    records: tuple[str, str]


def changes(index: Index) -> tuple[Change, ...]:
    """Every change of a result or of a fingerprint, by subject, machine and time. Campaigns go by their first run."""
    return tuple(one for one in _all(index) if one.keys or one.results != "same")


def latest(index: Index, campaign: str) -> tuple[Change, ...]:
    """Each subject and machine that has runs of a campaign and of one before it: what became of the result, changed or
    not."""
    return tuple(one for one in _all(index) if one.after == campaign)


def _all(index: Index) -> Iterator[Change]:
    for (subject, machine), rows in classes.labelled(index.runs).groupby(["subject", "name"], sort=True):
        yield from _changes(str(subject), str(machine), rows, index.environments)


def _changes(
    subject: str, machine: str, rows: "pd.DataFrame", environments: Mapping[str, Mapping[str, str]]
) -> Iterator[Change]:
    began = rows.groupby("campaign")["started"].min()
    nights = sorted(began.index, key=lambda campaign: (began[campaign], campaign))
    by_night = {night: rows[rows["campaign"] == night].sort_values(["started", "record"]) for night in nights}
    for before, after in itertools.pairwise(nights):
        earlier, later = by_night[before], by_night[after]
        found = set(earlier["class"]), set(later["class"])
        keys = differing(environments[earlier["environment"].iloc[-1]], environments[later["environment"].iloc[0]])
        yield Change(
            subject=subject,
            machine=machine,
            before=str(before),
            after=str(after),
            results=_results(*found),
            repeats=1 in (len(found[0]), len(found[1])),
            keys=keys,
            records=(str(earlier["record"].iloc[-1]), str(later["record"].iloc[0])),
        )


def _results(before: set[str], after: set[str]) -> str:
    """Two campaigns that do not repeat are `same`: neither had a result that could change."""
    if len(before) == len(after) == 1:
        return "same" if before == after else "changed"
    if len(before) == 1:
        return "came apart"
    return "came together" if len(after) == 1 else "same"


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[KeyChange, ...]:
    """Keys of two fingerprints that are not the same in both, by name."""
    return tuple(
        KeyChange(key=key, before=before.get(key, ABSENT), after=after.get(key, ABSENT))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )


def brief(keys: tuple[KeyChange, ...]) -> tuple[str, ...]:
    """The changed keys as lines, kernel, driver and machine first; packages follow, each with both versions."""
    order = sorted(keys, key=lambda one: (one.key.split(".")[0] in ("debian", "package", "library"), one.key))
    return tuple(f"{one.key}: {one.before[:60]} -> {one.after[:60]}" for one in order)
