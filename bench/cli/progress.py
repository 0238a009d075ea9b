"""How a campaign looks while it goes on: bars on a terminal, lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bench.plan import Run
from bench.records import Record

COLOURS = {"ok": "green", "failed": "red", "timeout": "red", "skipped": "yellow", "unavailable": "yellow"}


class Shown:
    """A campaign's Listener."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.runs: TaskID | None = None
        self.builds: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def build(self, backend: str, line: str) -> None:
        """The build's steps as a bar on a terminal; only the steps as lines elsewhere."""
        step = line.startswith(("Step ", "installing", "making", "debian:"))
        if backend not in self.builds:
            self.builds[backend] = self.bars.add_task(f"building {backend}", total=None)
            if not self.console.is_terminal:
                self.console.print(f"building {backend}")
        if step:
            self.bars.update(self.builds[backend], description=f"building {backend}: {escape(line[:60])}")

    def begin(self, total: int, present: int) -> None:
        for task in self.builds.values():
            self.bars.remove_task(task)
        self.builds.clear()
        self.runs = self.bars.add_task("runs", total=total, completed=present)
        if present:
            self.console.print(f"{present} of {total} runs are in the store already")

    def start(self, run: Run) -> None:
        if self.runs is not None:
            self.bars.update(self.runs, description=f"{escape(str(run.cell))} run {run.index}")

    def end(self, run: Run, record: Record) -> None:
        if self.runs is not None:
            self.bars.advance(self.runs)
        took = record.outcome.times.get("total") if record.outcome else None
        text = f"[{COLOURS[record.status]}]{record.status:11}[/] {escape(str(run.cell))} run {run.index}"
        text += f"  {took:.1f} s" if took is not None else ""
        self.console.print(text, highlight=False)
        if record.reason:
            self.console.print(f"            {record.reason}", markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)
