"""Sentences that state what the records show. Each is computed; other records turn it round."""

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench import classes, placement, precision, proportion, starts, switches
from bench.classes import Split
from bench.distributions import Contrast
from bench.groups import Group
from bench.precision import Precision
from bench.proportion import RARE
from bench.published import PublishedComparison
from bench.switches import Switch
from bench.variance import Component, Variance


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A sentence, and the runs that it rests on."""

    topic: str
    sentence: str
    runs: int


def findings(
    groups: Sequence[Group],
    published: Sequence[PublishedComparison],
    errors: Sequence[Precision],
    contrasts: Sequence[Contrast] = (),
    variances: Sequence[Variance] = (),
    splits: Sequence[Split] = (),
    switched: Sequence[Switch] = (),
) -> tuple[Finding, ...]:
    """All findings, in the order in which a reader would ask."""
    return (
        *(seeding(one) for one in _by_backend(groups)),
        *(Finding(topic="starts", sentence=text, runs=runs) for text, runs in starts.sentences(groups)),
        *(distribution(one) for one in published if one.group.compared and one.positions),
        *controls(groups),
        *(Finding(topic="switches", sentence=text, runs=runs) for text, runs in switches.sentences(switched)),
        *(accuracy(one, _several(groups)) for one in _by_lane(errors)),
        *(difference(some) for some in _by_outcome(contrasts)),
        *(noise(one) for one in variances if _telling(one)),
        *(Finding(topic="machines", sentence=classes.sentence(one), runs=one.runs) for one in splits),
    )


def confidence(group: Group) -> str:
    """What n equal runs allow to say, one-sided at 95 %."""
    runs, cell = len(group.runs), group.cell
    if runs == 1:
        return f"{cell}: one run claims nothing."
    if group.repeatable:
        share = proportion.bounds(0, runs - 1).high
        more = f" ({proportion.runs_needed(RARE)} equal runs would say {_percent(RARE)})" if share > RARE else ""
        return (
            f"{cell}: {runs} of {runs} runs are identical; at 95 % confidence fewer than "
            f"{_percent(share)} of runs differ from the first{more}."
        )
    if not group.compared:
        return f"{cell}: {runs} runs that claim nothing, {group.verdict} ({group.reason})."
    equal = len(group.classes[0]) - 1
    found = proportion.bounds(runs - 1 - equal, runs - 1)
    differ = f"{_percent(found.low)} of runs or more differ"
    if equal:
        differ = f"{_percent(found.low)} to {_percent(found.high)} of runs differ"
    return (
        f"{cell}: {len(group.classes)} classes in {runs} runs; {equal} of {runs - 1} later runs equal the first; "
        f"at 95 % confidence {differ} from it."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _by_backend(groups: Sequence[Group]) -> list[list[Group]]:
    """Groups of the native lane that can tell what a seeding does, by backend: those of more than one run."""
    found: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        if group.cell.init == "native" and len(group.runs) > 1:
            found[group.cell.backend].append(group)
    return list(found.values())


def seeding(groups: Sequence[Group]) -> Finding:
    """Which recipes of seeding fix the initial weights on one backend, from the initial weights of its runs."""
    fixed: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        fixed[group.cell.seeding].append(group)
    parts = []
    for name, members in sorted(fixed.items()):
        workloads = len({group.cell.workload for group in members})
        runs = f"{sum(len(group.runs) for group in members)} runs" + (f" of {workloads} workloads" * (workloads > 1))
        distinct = max(starts.distinct(group.runs) for group in members)
        if distinct == 1:
            parts.append(f"`{name}` fixes the initial weights ({runs}, always the same start)")
        else:
            parts.append(
                f"`{name}` does not: its runs started from up to {distinct} different sets of initial weights ({runs})"
                if parts
                else f"`{name}` does not fix the initial weights ({runs}, up to {distinct} different starts)"
            )
    first = groups[0]
    outcome = first.first.record.outcome
    keras = outcome.framework.get("keras", "unknown") if outcome else "unknown"
    total = sum(len(group.runs) for group in groups)
    return Finding(topic="seeding", runs=total, sentence=f"{first.cell.backend} (Keras {keras}): {'; '.join(parts)}.")


def distribution(one: PublishedComparison) -> Finding:
    """Whether published numbers can be repeated by a cell, or are one draw from what it produces."""
    cell, runs, positions = one.group.cell, len(one.group.runs), len(one.positions)
    classes = len(one.group.classes)
    if one.group.repeatable:
        agree = (
            f"every run prints the published numbers of `{one.lane}`"
            if one.verdict == "IDENTICAL"
            else f"its scores agree with the published `{one.lane}` to {one.min_digits:.1f} digits at the worst of "
            f"{positions} positions"
        )
        return Finding(topic="published", runs=runs, sentence=f"{cell}: {runs} identical runs; {agree}.")
    if one.verdict == "IDENTICAL":  # the results differ in what is not printed
        every = f"and every one prints the published numbers of `{one.lane}`"
        return Finding(topic="published", runs=runs, sentence=f"{cell}: {runs} runs gave {classes} results, {every}.")
    assert one.placement is not None  # it has positions
    where = f"the published `{one.lane}` lies in their range at {one.inside} of {positions} positions"
    if runs >= placement.ENOUGH:
        where += f", {one.placement.farther} of {one.placement.runs} runs lie as far out or farther"
    if one.placement.drawn:
        rare = f", a rare one (p = {one.placement.p:.2g})," if one.placement.typical is False else ","
        meaning = f"the published numbers are one draw from a distribution{rare} not numbers that a reader can repeat"
    elif runs < placement.ENOUGH:
        meaning = f"these runs do not cover the published numbers ({placement.ENOUGH} runs or more could tell)"
    else:
        meaning = "these runs do not cover the published numbers"
    return Finding(
        topic="published",
        runs=runs,
        sentence=f"{cell}: {runs} seeded runs gave {classes} different results; {where}: {meaning}.",
    )


def controls(groups: Sequence[Group]) -> tuple[Finding, ...]:
    """Which switches part cells that repeat from cells that do not: presets of one cell, closest pairs only."""
    found = []
    for loose in groups:
        if loose.repeatable or not loose.compared:
            continue
        twins = [one for one in groups if one.repeatable and _twins(one, loose)]
        fewest = min((len(_switches(one, loose)) for one in twins), default=0)
        found += [_control(one, loose) for one in twins if 0 < len(_switches(one, loose)) == fewest]
    return tuple(found)


def _twins(one: Group, other: Group) -> bool:
    """Whether two groups differ in their preset alone."""
    seeds = one.first.record.run.seeds == other.first.record.run.seeds
    stacks = one.first.record.run.stack == other.first.record.run.stack
    return (
        one.cell.replace(preset=other.cell.preset) == other.cell and one.place() == other.place() and seeds and stacks
    )


def _asked(group: Group) -> dict[str, object]:
    outcome = group.first.record.outcome
    return {control.name: control.asked for control in outcome.controls} if outcome else {}


def _switches(firm: Group, loose: Group) -> list[str]:
    """The controls in which two groups differ, with the value of the one that repeats."""
    one, other = _asked(firm), _asked(loose)
    names = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    return [f"{name} = {json.dumps(one[name])}" if name in one else f"{name} left alone" for name in names]


def _control(firm: Group, loose: Group) -> Finding:
    cell = firm.cell
    where = "/".join((cell.workload, cell.backend, cell.seeding, cell.init))
    parted = f"({len(loose.classes)} classes in {len(loose.runs)} runs)"
    sentence = (
        f"{where}: preset `{loose.cell.preset}` does not repeat {parted}, `{cell.preset}` does "
        f"({len(firm.runs)} identical runs); it has {', '.join(_switches(firm, loose))}."
    )
    return Finding(topic="controls", sentence=sentence, runs=len(firm.runs) + len(loose.runs))


def _by_lane(errors: Sequence[Precision]) -> list[list[Precision]]:
    """What was measured, by all of the cell but the backend, by seeds and by place."""
    found: dict[object, list[Precision]] = defaultdict(list)
    for one in errors:
        if one.reason is None:
            seeds = tuple(sorted(one.group.first.record.run.seeds.items()))
            found[one.group.cell.replace(backend="any"), seeds, one.group.place()].append(one)
    return list(found.values())


def _several(groups: Sequence[Group]) -> bool:
    """Whether the groups are of several machines, so that a sentence about one of them must name it."""
    return len({group.place()[:2] for group in groups}) > 1


def accuracy(errors: Sequence[Precision], several: bool = False) -> Finding:
    """Who is nearest to the yardstick and who farthest, and whether any two agree better than they are precise."""
    nearest, farthest = (choose(errors, key=lambda one: one.weights) for choose in (min, max))
    cell = nearest.group.cell
    where = f" on {nearest.group.place()[0]}" if several else ""
    text = (
        f"{cell.workload}/*/{cell.seeding}/{cell.init}/{cell.preset}{where}: nearest to {nearest.yardstick.cell} is "
        f"{nearest.group.cell.backend}, its weights within {nearest.weights:.1e} of the largest"
    )
    if len(errors) > 1:
        text += f"; farthest is {farthest.group.cell.backend} with {farthest.weights:.1e}"
        text += f", float64 in name only: float32 can store as much as {SINGLE:.1e}" if _in_name_only(farthest) else ""
        text += f". {_overstated(errors)}"
    return Finding(topic="precision", sentence=text + ".", runs=len(errors) + 1)


#: The unit roundoff of float32.
SINGLE = precision.UNITS["<f4"]


def _in_name_only(one: Precision) -> bool:
    return one.dtype == "<f8" and one.weights >= SINGLE


def _overstated(errors: Sequence[Precision]) -> str:
    """The two whose agreement overstates their precision most, if any."""
    pairs = [
        (precision.apart(one, other), (one, other))
        for one, other in itertools.combinations(errors, 2)
        if one.group.cell.backend != other.group.cell.backend
    ]
    closer = [(gap, both) for gap, both in pairs if gap < min(one.weights for one in both)]
    if not closer:
        return "No two of them agree better than they are precise"
    gap, (one, other) = max(closer, key=lambda item: min(both.weights for both in item[1]) / max(item[0], 2.0**-1074))
    least = min(one.weights, other.weights)
    return (
        f"{one.group.cell.backend} and {other.group.cell.backend} are {gap:.1e} apart, closer than either is to the "
        f"yardstick ({least:.1e}): their agreement overstates their precision"
    )


#: So many pairs of one lane and outcome get a sentence each; more get one together.
FEW = 3


def _by_outcome(contrasts: Sequence[Contrast]) -> list[list[Contrast]]:
    """What was tested, one by one, or many pairs of one lane with one outcome together."""
    found: dict[object, list[Contrast]] = defaultdict(list)
    for one in contrasts:
        if one.worst is not None:
            found[one.scope, one.lane, one.differing > 0].append(one)
    return [part for some in found.values() for part in ([some] if len(some) > FEW else [[one] for one in some])]


def difference(some: Sequence[Contrast]) -> Finding:
    """Whether cells that do not repeat have one distribution of scores, as far as their runs can tell; of several
    pairs the one that differs most is told."""
    told = [(one, one.worst) for one in some if one.worst is not None]
    one, worst = min(told, key=lambda pair: (pair[1].corrected, -abs(pair[1].delta), pair[0].sides))
    left, right = one.sides
    facts = f"{one.left.runs} and {one.right.runs} runs; {worst.where}: Holm-corrected p {_p(worst.corrected)}, "
    facts += f"Cliff's delta {worst.delta:+.2f}"
    if one.ratio is not None and one.interval is not None:
        facts += f", ratio of medians {one.ratio:.4g}, 95 % interval {one.interval[0]:.4g} to {one.interval[1]:.4g}"
    many = f"{len(some)} pairs of {PLURALS[one.scope]}"
    who = f"`{left}` and `{right}`" if len(some) == 1 else many
    most = f"({facts})" if len(some) == 1 else f"(most: `{left}` and `{right}`, {facts})"
    if one.differing:
        places = f" in {one.differing} of {len(one.tests)} fits" if len(some) == 1 and len(one.tests) > 1 else ""
        text = f"the scores of {who} have different distributions{places} {most}"
    else:
        text = f"no difference between the distributions of {who} is shown {most}, which is no proof that they are one"
        text += f"; were they as far apart as they look there, it would take {one.needed} of each" if one.needed else ""
    return Finding(topic="distribution", sentence=f"{one.lane}: {text}.", runs=one.left.runs + one.right.runs)


PLURALS = {"control": "presets", "machine": "machines", "backend": "backends"}


def _p(value: float) -> str:
    return "below 0.0001" if value < 1e-4 else f"{value:.2g}"


def _telling(one: Variance) -> bool:
    """Whether there is noise to speak of, or seed noise that other noise can be held against."""
    return bool(one.of("run").sd or any(part.ratio is not None for part in one.components))


def noise(one: Variance) -> Finding:
    """How much of the scores' variation is the seed's, and how much comes without another seed."""
    parts = [_beside_seed(part) for part in one.components if part.ratio is not None]
    if parts:
        text = f"{'; '.join(parts)} (standard deviations of the log score, 95 % intervals; {_counts(one)})"
    else:
        run, seed = one.of("run"), one.of("seed")
        assert run.sd is not None  # else there is nothing to say
        text = f"run-to-run noise is {_factor(run.sd)} (standard deviation of the log score; {_counts(one)})"
        text += f"; beside seed noise it is not estimable: {seed.reason}"
    return Finding(topic="noise", sentence=f"{one.lane}: {text}.", runs=one.runs)


def _beside_seed(part: Component) -> str:
    """One source beside the seed; the words follow from where its interval lies."""
    assert part.ratio is not None
    assert part.ratio_interval is not None
    low, high = part.ratio_interval
    name = f"{part.source}-to-{part.source} noise"
    interval = f"({_percents(low)} to {_percents(high)})"
    if low > 1.0:
        return f"{name} exceeds seed noise, being {_percents(part.ratio)} of it {interval}"
    if high >= 1.0:
        return f"{name} and seed noise cannot be told apart, {_percents(part.ratio)} {interval}"
    return f"{name} is {_percents(part.ratio)} of seed noise {interval}"


def _percents(ratio: float) -> str:
    """A ratio as per cent, from 1e-07 to infinity."""
    return (
        "infinitely many %"
        if ratio == float("inf")
        else f"{100 * ratio:.2g} %"
        if ratio < 1
        else f"{100 * ratio:.0f} %"
    )


def _factor(sd: float) -> str:
    """A standard deviation of logarithms as people think of it: per cent while small, else a factor."""
    return f"{100 * sd:.2g} %" if sd < 0.1 else f"a factor of {math.exp(sd):.2g}"


def _counts(one: Variance) -> str:
    """`3 seeds, 2 machines, 12 runs of 10 fits`."""
    named = [f"{part.levels} {part.source}s" for part in one.components[:3] if part.levels > 1]
    return ", ".join([*named, f"{one.runs} runs of {one.fits // one.runs} fits"])
