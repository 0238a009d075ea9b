"""The page values as a summary that fits a terminal of 80 columns."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.report.page import Page

STYLES = {
    "IDENTICAL": "green",
    "ROUNDING": "yellow",
    "DIFFERENT": "red",
    "INCOMPARABLE": "bright_black",
    "ERROR": "magenta",
}


def show(page: Page, console: Console) -> None:
    """Verdicts, findings and breaches; text of records is never read as markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("cell", overflow="fold")
    for name in ("runs", "run to run", "published"):
        table.add_column(name, no_wrap=True, justify="right" if name == "runs" else "left")
    for cell in page.cells:
        published = Text(cell.published_verdict or "", STYLES.get(cell.published_verdict or "", ""))
        if cell.published_digits:
            published.append(f" {cell.published_digits}", "default")
        table.add_row(Text(cell.cell), str(cell.runs), Text(cell.run_verdict, STYLES[cell.run_verdict]), published)
    console.print(table)
    for pair in page.pairs:
        verdict = (pair.verdict, STYLES[pair.verdict])
        console.print(Text.assemble(f"{pair.left} ~ {pair.right} ", verdict, f" {pair.lane}: {pair.divergence}"))
    console.print()
    for sentence in page.findings:
        console.print(Text("- " + sentence.replace("`", "")))
    for name, index, status, reason in page.not_ok:
        console.print(Text(f"{status}: {name}, run {index}: {reason}", "red"))
    for name, reason in page.refused:
        console.print(Text(f"refused: record {name[:12]}: {reason}", "red"))
    for expected in page.expectations:
        if not expected.holds:
            text = f"BREACH: {expected.subject}: {expected.scope} at least {expected.at_least}; seen {expected.seen}"
            console.print(Text(text, "red bold"))
    held = sum(expected.holds for expected in page.expectations)
    console.print(f"{held} of {len(page.expectations)} expectations hold.")
