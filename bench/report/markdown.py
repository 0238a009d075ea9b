"""The page values as Markdown, for job summaries and READMEs."""

from collections.abc import Iterable, Sequence

from bench.report.cells import CellView
from bench.report.page import ExpectationView, Page


def render(page: Page) -> str:
    """The whole report; text from records is escaped so that it stays text."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in page.counts if count)
    parts = [
        f"# Does the same seed give the same bits?\n\nCampaign {escape(page.campaign)}, {page.runs} runs, "
        f"{escape(', '.join(page.machines))}: {counts}",
        "## What the records say\n\n" + "\n".join(f"- {escape(one)}" for one in page.findings),
        "## Verdicts\n\n" + verdicts(page),
    ]
    sections = (_pairs, _switches, _states, _precision, _contrasts, _variances, _machines, _expectations)
    parts += [part for section in sections if (part := section(page))]
    parts += [scores(page, cell) for cell in page.cells]
    if page.not_ok:
        rows = ((page.placed(one.cell, one.machine), one.index, one.status, one.reason) for one in page.not_ok)
        parts.append("## Runs that are not ok\n\n" + table(("cell", "run", "status", "reason"), rows))
    if page.refused:
        parts.append("## What was refused\n\n" + table(("", "name", "reason"), page.refused))
    parts.append(
        "## Environment\n\n"
        + table(("", *page.environment_columns), ((row.name, *row.values) for row in page.environment))
    )
    return "\n\n".join(parts) + "\n"


def _pairs(page: Page) -> str:
    if not page.pairs:
        return ""
    head = ("cell", "backends", "verdict", "weights ULP", "predictions ULP", "digits", "first divergence")
    rows = (
        (
            page.placed(one.lane, one.machine),
            f"{one.left} ~ {one.right}",
            one.verdict,
            one.weights_ulp,
            one.predictions_ulp,
            one.digits,
            one.divergence,
        )
        for one in page.pairs
    )
    return "## Across backends\n\n" + table(head, rows)


def _switches(page: Page) -> str:
    if not page.switches:
        return ""
    head = ("cell", "preset", "effect", "runs", "classes", "verdict", "weights ULP", "digits", "first divergence")
    rows = (
        (
            page.placed(one.lane, one.machine),
            one.preset,
            one.effect,
            one.runs,
            one.classes,
            one.verdict,
            one.weights_ulp,
            one.digits,
            one.divergence,
        )
        for one in page.switches
    )
    return (
        "## Controls\n\nEach preset beside `default`, on the same machine with the same seeds; runs and classes of "
        "equal results: of `default`, of the preset. Bits can be said to move only where both sides repeat.\n\n"
        + table(head, rows)
    )


def _states(page: Page) -> str:
    if not page.control_states:
        return ""
    rows = (
        (one.backend, one.presets, one.control, one.asked, one.state, one.runs, one.evidence)
        for one in page.control_states
    )
    head = ("backend", "presets", "control", "asked", "state", "runs", "evidence")
    return "## Controls that are not in force, or that nobody can tell of\n\n" + table(head, rows)


def _precision(page: Page) -> str:
    if not page.precision:
        return ""
    rows = (
        (
            page.placed(one.cell, one.machine),
            one.dtype,
            one.weights,
            one.units,
            one.predictions,
            one.digits,
            one.reason,
        )
        for one in page.precision
    )
    return (
        f"## Distance to the yardstick\n\n{escape(', '.join(page.yardsticks))}; relative to the largest element of an "
        "array, the largest of all fits.\n\n"
        + table(("cell", "computed in", "weights", "in roundoffs", "predictions", "digits", ""), rows)
    )


def _machines(page: Page) -> str:
    if not page.splits:
        return ""
    rows = (
        (one.subject, number, runs, ", ".join(machines), record[:12])
        for one in page.splits
        for number, runs, machines, record in one.classes
    )
    parts = ["## Across machines", table(("subject", "class", "runs", "machines", "a record"), rows)]
    for one in page.splits:
        lines = [*one.explanations, *(f"same fingerprint, other result: {text}" for text in one.suspects)]
        if one.unrepeatable:
            lines.insert(0, f"runs that do not agree with each other: {', '.join(one.unrepeatable)}")
        if lines:
            parts.append(f"{escape(one.subject)}\n\n" + "\n".join(f"- {escape(line)}" for line in lines))
    return "\n\n".join(parts)


def _contrasts(page: Page) -> str:
    if not page.contrasts:
        return ""
    head = (
        "cell",
        "of",
        "runs",
        "fits that differ",
        "p",
        "least p at",
        "Cliff's delta",
        "ratio of medians",
        "needed",
    )
    rows = (
        (
            one.lane,
            f"{one.left} ~ {one.right}",
            one.runs,
            one.differing or one.reason,
            one.p,
            one.where,
            one.delta,
            one.ratio,
            one.needed,
        )
        for one in page.contrasts
    )
    return (
        "## Distributions of cells that do not repeat\n\n"
        "The lesser p of Mann-Whitney's and Kolmogorov-Smirnov's tests, Holm-corrected over this table; delta and "
        "ratio are those of the fit with the least; needed: scores of each that would tell them apart there at "
        "80 % power, were they as far apart as they look.\n\n" + table(head, rows)
    )


def _variances(page: Page) -> str:
    if not page.variances:
        return ""
    rows = ((one.lane, one.counts, *(text for _, text in one.sources), one.beside_seed) for one in page.variances)
    names = [name for name, _ in page.variances[0].sources]
    return (
        "## Shares of variance\n\nOf the log score, nested in this order, with 95 % intervals; sd: the standard "
        "deviation that a source adds.\n\n" + table(("cell", "of", *names, "of seed noise"), rows)
    )


def _expectations(page: Page) -> str:
    if not page.expectations:
        return ""
    rows = ((states(one), one.scope, one.at_least, one.subject, one.seen) for one in page.expectations)
    return "## Expectations\n\n" + table(("", "scope", "at least", "of", "seen"), rows, raw=(0,))


def states(one: ExpectationView) -> str:
    """What became of an expectation, in bold where somebody must act."""
    if one.state == "known":
        return f"known until {one.until}: {escape(one.reason)}"
    return "**BREACH**" if one.state in ("breach", "few") else one.state


def verdicts(page: Page) -> str:
    """The verdict matrix."""
    return table(
        ("cell", "runs", "classes", "run", "backend", "published"),
        (
            (
                page.placed(cell.cell, cell.machine),
                cell.runs,
                len(cell.classes),
                cell.run_verdict if cell.runs > 1 else "one run",
                ", ".join(cell.backend_verdicts),
                published(cell),
            )
            for cell in page.cells
        ),
    )


def published(cell: CellView) -> str:
    if cell.published_verdict is None:
        return ""
    return cell.published_verdict + (f", {cell.published_digits} digits" if cell.published_digits else "")


def scores(page: Page, cell: CellView) -> str:
    """One cell's ten scores, beside the published ones where there are some."""
    head = f"### {escape(page.placed(cell.cell, cell.machine))}\n\n{escape(cell.confidence)}"
    if cell.divergence:
        head += f" First divergence: {escape(cell.divergence)}."
    rows = (
        (
            row.position,
            "" if row.published is None else f"{row.published:.12g}",
            f"{row.ours:.12g}",
            row.digits,
            f"{row.lowest:.6g} to {row.highest:.6g}",
        )
        for row in cell.scores
    )
    return head + "\n\n" + table(("", cell.lane or "published", "run 0", "digits", "range of all runs"), rows)


def table(head: Sequence[object], rows: Iterable[Sequence[object]], raw: Sequence[int] = ()) -> str:
    """A Markdown table; cells are escaped except the columns named in `raw`."""
    lines = ["| " + " | ".join(escape(cell) for cell in head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        cells = (str(cell) if column in raw else escape(cell) for column, cell in enumerate(row))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def escape(text: object) -> str:
    """Characters that Markdown or HTML would take as markup; line breaks become blanks."""
    flat = " ".join(str(text).split())
    for mark in "\\`*_[]|#":
        flat = flat.replace(mark, "\\" + mark) if mark in "\\|*[]" else flat
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
