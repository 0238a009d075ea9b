"""The page values as a summary that fits a terminal of 80 columns."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.judgement import NOT_JUDGED
from bench.report.page import Page
from bench.report.pairs import PairView

Row = TypeVar("Row")
Key = TypeVar("Key")

#: So many pairs of one verdict get a line each; more get one line together.
FEW = 3
STYLES = {
    "IDENTICAL": "green",
    "ROUNDING": "yellow",
    "DIFFERENT": "red",
    "INCOMPARABLE": "bright_black",
    "ERROR": "magenta",
}


def show(page: Page, console: Console) -> None:
    """Verdicts, findings and breaches; text of records is never read as markup."""
    console.print(_verdicts(page))
    placed = _gathered(page.pairs, lambda pair: (page.placed(pair.lane, pair.machine), pair.verdict))
    for (lane, kind), pairs in placed:
        verdict = (kind, STYLES[kind])
        if len(pairs) > FEW:
            console.print(Text.assemble(f"{len(pairs)} pairs of backends ", verdict, f" {lane}: {_least(pairs)}"))
        else:
            for pair in pairs:
                console.print(Text.assemble(f"{pair.left} ~ {pair.right} ", verdict, f" {lane}: {pair.divergence}"))
    console.print()
    for sentence in page.findings:
        console.print(Text("- " + sentence.replace("`", "")))
    _faults(page, console)
    judged = [expected for expected in page.expectations if expected.state not in NOT_JUDGED]
    held = sum(expected.holds for expected in judged)
    console.print(f"{held} of {len(judged)} expectations hold.")


def _verdicts(page: Page) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("cell", overflow="fold")
    for name in ("runs", "run to run", "published"):
        table.add_column(name, no_wrap=True, justify="right" if name == "runs" else "left")
    for cell in page.cells:
        published = Text(cell.published_verdict or "", STYLES.get(cell.published_verdict or "", ""))
        if cell.published_digits:
            published.append(f" {cell.published_digits}", "default")
        # One run has nothing to be compared with; its verdict says so, in a word that reads like a fault.
        repeated = Text(cell.run_verdict if cell.runs > 1 else "one run", STYLES[cell.run_verdict])
        table.add_row(Text(page.placed(cell.cell, cell.machine)), str(cell.runs), repeated, published)
    return table


def _faults(page: Page, console: Console) -> None:
    """Runs that are not ok, what was refused, expectations that do not hold."""
    for (status, machine, reason), runs in _gathered(page.not_ok, lambda one: (one.status, one.machine, one.reason)):
        cells = sorted({one.cell for one in runs})
        named = cells[0] if len(cells) == 1 else f"{len(cells)} cells of {', '.join(_backends(cells))}"
        named = page.placed(named, machine)
        console.print(Text(f"{status}: {len(runs)} {'run' if len(runs) == 1 else 'runs'}, {named}: {reason}", "red"))
    for kind, name, reason in page.refused:
        console.print(Text(f"refused: {kind} {name[:12]}: {reason}", "red"))
    for expected in page.expectations:
        said = f"{expected.subject}: {expected.scope} at least {expected.at_least}; seen {expected.seen}"
        if expected.state in ("breach", "few"):
            console.print(Text(f"BREACH: {said}", "red bold"))
        elif expected.state == "known":
            console.print(Text(f"known until {expected.until} ({expected.reason}): {said}", "yellow"))
        elif expected.state == "changed":
            console.print(Text(f"changed: {expected.subject}: {expected.seen}", "yellow"))


def _gathered(rows: Iterable[Row], key: Callable[[Row], Key]) -> Iterable[tuple[Key, list[Row]]]:
    """Rows by key, in the order in which keys first come."""
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found.items()


def _least(pairs: Sequence[PairView]) -> str:
    """What many pairs have in common, and the one whose scores agree least."""
    measured = [pair for pair in pairs if pair.digits]
    if not measured:
        return pairs[0].divergence
    worst = min(measured, key=lambda pair: float("inf") if pair.digits == "all" else float(pair.digits))
    return f"scores agree to {worst.digits} digits or more (least: {worst.left} ~ {worst.right})"


def _backends(cells: Iterable[str]) -> list[str]:
    return sorted({cell.split("/")[1] for cell in cells})
