"""What a night is held against: the baseline, or the campaign before on the same machine; and what changed since."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import baseline, index
from bench.baseline import Baseline, Class, Entry
from bench.groups import Group, gather
from bench.records import RunKey
from bench.store import Stored


@dataclass(frozen=True, kw_only=True)
class Past:
    """The earlier classes of what a group computed, on its stack and machine class. `runs` are those of its records
    that are in the store, all of them for a campaign of it. `origin` says whose they are, for a sentence; not `alike`
    is a baseline that was trained otherwise: with other data, hyperparameters, epochs or fits."""

    origin: str
    classes: tuple[Class, ...]
    runs: tuple[Stored, ...]
    alike: bool = True

    @property
    def count(self) -> int:
        return sum(one.runs for one in self.classes)


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """The stack that a group's cell had before, and a record of it."""

    stack: str
    record: str
    origin: str


#: cell, seeds, machine label, hardware digest
Place = tuple[str, tuple[tuple[str, int], ...], str, str]


def _place(run: RunKey) -> Place:
    return run.cell, tuple(sorted(run.seeds.items())), run.machine.label, str(run.machine.hardware)


class Nights:
    """The history of a store, and its baseline if there is one."""

    def __init__(self, stored: Sequence[Stored], known: Baseline | None = None) -> None:
        self.records: Mapping[str, Stored] = {one.digest: one for one in stored if one.record.ok}
        self._runs: dict[Place, list[Stored]] = defaultdict(list)
        self._campaigns: dict[tuple[str, str], list[Stored]] = defaultdict(list)
        for one in self.records.values():
            self._runs[_place(one.record.run)].append(one)
            self._campaigns[one.record.run.cell, one.record.run.campaign].append(one)
        self._entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in known.entries if known else ():
            self._entries[_who(entry.subject)].append(entry)

    def past(self, group: Group) -> Past | None:
        """What a group is held against; None if the baseline has nothing of its stack and machine class, and no earlier
        campaign of its machine has the stack."""
        entry = self._entry(group)
        if entry is not None:
            return self._blessed(entry, group)
        stack = group.first.record.run.stack
        for campaign, runs in self._earlier(group):
            same = [one for one in runs if one.record.run.stack == stack]
            if same:
                chosen = gather(same)[0]
                return Past(origin=f"campaign {campaign}", classes=baseline.classes(chosen), runs=tuple(chosen))
        return None

    def replaced(self, group: Group) -> Replaced | None:
        """The stack before, where that is another; None too where the baseline knows the present one."""
        run = group.first.record.run
        if self._entry(group) is not None:
            return None
        who = _who(index.subject(group.first.record))
        other = [one for one in self._entries.get(who, ()) if one.hardware == run.machine.hardware]
        if other:
            last = max(other, key=lambda one: (one.blessed, one.key))
            return Replaced(stack=last.stack, record=last.classes[0].record, origin=f"the baseline of {last.blessed}")
        for campaign, runs in self._earlier(group):
            if any(one.record.run.stack == run.stack for one in runs):
                return None
            last_run = runs[-1]
            return Replaced(stack=str(last_run.record.run.stack), record=last_run.digest, origin=f"campaign {campaign}")
        return None

    def gone(self, groups: Sequence[Group], campaign: str | None) -> list[str]:
        """`CELL on MACHINE` of what the campaign before or the baseline has, and this campaign has no run of."""
        began: dict[str, str] = {}
        for one in self.records.values():
            run = one.record.run
            began[run.campaign] = min(began.get(run.campaign, one.record.started), one.record.started)
        earlier = [name for name in began if campaign in began and began[name] < began[campaign]]
        before = max(earlier, key=lambda name: began[name], default=None)
        here = {_place(one.first.record.run) for one in groups}
        found = {
            f"{place[0]} on {place[2]}"
            for place, runs in self._runs.items()
            if place not in here and any(one.record.run.campaign == before for one in runs)
        }
        known = {(_who(index.subject(one.first.record)), str(one.first.record.run.machine.hardware)) for one in groups}
        for who, entries in self._entries.items():
            found |= {
                f"{who.partition(' ')[0]} on {', '.join(one.machines)}"
                for one in entries
                if (who, one.hardware) not in known
            }
        return sorted(found)

    def _entry(self, group: Group) -> Entry | None:
        """The baseline's entry of a group; of what was trained otherwise only if there is none of the very same."""
        record = group.first.record
        subject = index.subject(record)
        found = [
            one
            for one in self._entries.get(_who(subject), ())
            if (one.stack, one.hardware) == (record.run.stack, record.run.machine.hardware)
        ]
        return max(found, key=lambda one: (one.subject == subject, one.blessed, one.key), default=None)

    def _blessed(self, entry: Entry, group: Group) -> Past:
        """Of the campaign that was blessed only the runs that have a blessed result: others may have come later."""
        who = group.first.record.run
        there = [
            one
            for one in self._campaigns.get((who.cell, entry.campaign), ())
            if (one.record.run.machine.hardware, one.record.run.stack) == (entry.hardware, entry.stack)
            and one.record.run.seeds == who.seeds
            and any(one.record.outcome and one.record.outcome.result_digest == seen.result for seen in entry.classes)
        ]
        runs = tuple(one for some in gather(there) for one in some)
        return Past(
            origin=f"the baseline of {entry.blessed} ({entry.reason})",
            classes=entry.classes,
            runs=runs,
            alike=entry.subject == index.subject(group.first.record),
        )

    def _earlier(self, group: Group) -> list[tuple[str, list[Stored]]]:
        """Campaigns that began before the group's own did, of its cell, seeds and machine, the latest first; each with
        its runs in order of time."""
        run = group.first.record.run
        by_campaign: dict[str, list[Stored]] = defaultdict(list)
        for one in sorted(self._runs[_place(run)], key=lambda one: (one.record.started, one.digest)):
            by_campaign[one.record.run.campaign].append(one)
        began = {name: runs[0].record.started for name, runs in by_campaign.items()}
        now = began.get(run.campaign, min(one.record.started for one in group.runs))
        before = [name for name in by_campaign if name != run.campaign and began[name] < now]
        return [(name, by_campaign[name]) for name in sorted(before, key=lambda name: (began[name], name))[::-1]]


def _who(subject: str) -> str:
    """Cell and seeds of a subject, without what was trained."""
    return subject.rpartition(" ")[0]
