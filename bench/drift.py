"""A night against the past: the same classes as before, or what is not as it was."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench import baseline
from bench.baseline import Class
from bench.bound import Bound
from bench.comparison import Comparison, compare
from bench.groups import Group
from bench.judgement import Judged, State, asked, describe, reaches, verdict
from bench.matrix import Expectation
from bench.nights import Past
from bench.store import Stored


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A present class beside the past: `old` is what it is, or is compared with. `pair` is None where the past's record
    is not in this store, or where there was nothing to compare."""

    new: Class
    old: Class
    same: bool
    pair: Comparison | None


def judge(expectation: Expectation, subject: str, group: Group, past: Past, records: Mapping[str, Stored]) -> Judged:
    """An exact or bounded expectation of scope `night` on a group. Nothing but the same digests, or a measured
    distance, ever holds."""
    now = baseline.classes(group.runs)
    held = [_held(new, past, records) for new in now]
    bound = expectation.at_least
    missed = [one for one in held if not _reached(one, past, records, bound)]
    apart = bound.kind == "identical" and len(past.classes) == 1 < len(now)
    # First what nobody asked for: a run of other epochs must not hide a drift beside it.
    worst = min(missed, key=_asked) if missed else held[-1]
    state: State = verdict(not missed and not apart)
    if missed and all(_asked(one) for one in missed):
        state = "changed"
    seen = _same(group, past) if state == "holds" else _sentence(group, past, now, worst, apart)
    there = worst.old.record in records
    looked = (*((worst.old.record,) if there else ()), worst.new.record)
    return Judged(expectation=expectation, subject=subject, state=state, seen=seen, records=looked)


def _asked(one: _Held) -> bool:
    return one.pair is not None and asked(one.pair)


def _held(new: Class, past: Past, records: Mapping[str, Stored]) -> _Held:
    same = next((one for one in past.classes if one.same(new)), None)
    old = same or next((one for one in past.classes if one.record in records), past.classes[0])
    pair = compare(records[old.record], records[new.record], "night") if old.record in records else None
    agrees = past.alike and same is not None and (pair is None or pair.verdict == "IDENTICAL")
    return _Held(new=new, old=old, same=agrees, pair=pair)


def _reached(one: _Held, past: Past, records: Mapping[str, Stored], bound: Bound) -> bool:
    """Whether a class is one of the past's, or lies within the bound of one of them."""
    if one.same or bound.kind == "identical":
        return one.same
    olds = [records[old.record] for old in past.classes if old.record in records]
    return any(reaches(compare(old, records[one.new.record], "night"), bound) for old in olds)


def _runs(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"


def _same(group: Group, past: Past) -> str:
    return f"{_runs(len(group.runs))}, as {past.origin} has it"


def _sentence(group: Group, past: Past, now: tuple[Class, ...], worst: _Held, apart: bool) -> str:
    new, old = worst.new.result[:12], worst.old.result[:12]
    before = f"{_runs(past.count)} of {past.origin}"
    if apart:
        text = f"{before}: one class, {old}; now {_runs(len(group.runs))} fall apart into {len(now)} classes"
    elif len(past.classes) > 1:
        text = f"{new} is none of the {len(past.classes)} classes of {before}"
    else:
        text = f"{before} gave {old}, now {_runs(worst.new.runs)} of {len(group.runs)} give {new}"
    text += ", on the same stack and machine class" if past.alike else ", of which another training is known"
    if worst.pair is None:
        return f"{text}; record {worst.old.record[:12]} is not in this store, so that where they part is not known"
    return f"{text}; {describe(worst.pair)}"
