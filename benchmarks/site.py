#!/usr/bin/env python3
"""How long a report of many cells and machines takes to its first paint in headless Chromium, and how large it is.

The values that the report draws are made up, as many as asked for; nothing is compared, and no record is read. Each
page is opened from disk several times, each time in a fresh browser context. Prints a Markdown table.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.comparison import VERDICTS  # noqa: E402
from bench.report import overview, slugs, writing  # noqa: E402
from bench.report.cells import CellView, ScoreRow  # noqa: E402
from bench.report.environment import EnvironmentView  # noqa: E402
from bench.report.machines import MachineView, Membership, SplitView  # noqa: E402
from bench.report.overview import OverviewRow  # noqa: E402
from bench.report.page import ExpectationView, NotOkView, Page  # noqa: E402
from bench.report.pairs import PairView  # noqa: E402
from bench.report.traces import RecordView, Traces  # noqa: E402
from tests.browser.chromium import opened, started  # noqa: E402

#: Of a report: the tutorial's repeats, epochs, backends that are compared, and subjects that machines do not agree on.
FITS, EPOCHS, BACKENDS, SUBJECTS = 10, 100, 8, 100
#: Milliseconds since navigation began.
PAINTS = """() => Object.fromEntries(
    performance.getEntriesByType('paint').map(one => [one.name, one.startTime]).concat(
    performance.getEntriesByType('navigation').map(one => ['loaded', one.loadEventEnd])))"""


def generated(cells: int, machines: int, *, seed: int = 1) -> Page:
    """Page values of that many cells, each with a verdict on every machine at every scope, and details of one machine,
    in turn; every verdict occurs."""
    random = np.random.default_rng(seed)
    names = tuple(f"machine-{number:03d}" for number in range(machines))
    views = tuple(_cell(number, names[number % machines], random) for number in range(cells))
    verdicts = [one.run_verdict for one in views]
    return Page(
        campaign="2026-11-24",
        machines=names,
        counts=tuple((verdict, verdicts.count(verdict)) for verdict in VERDICTS),
        runs=3 * cells,
        findings=tuple(f"finding {number}: `preset-{number}` repeats on {machines} machines." for number in range(50)),
        overview=_overview(views, names, random),
        changes=(),
        nights=0,
        cells=views,
        pairs=tuple(_pair(number, random) for number in range(BACKENDS * (BACKENDS - 1) // 2)),
        switches=(),
        control_states=(),
        yardsticks=(),
        precision=(),
        contrasts=(),
        variances=(),
        splits=tuple(_split(views[number % cells].cell, names) for number in range(SUBJECTS)),
        machine_views=_machines(names, views),
        references=(),
        traces=_traces(views, names),
        expectations=tuple(_expectation(one) for one in views[::10]),
        environment_columns=tuple(f"backend-{number}" for number in range(BACKENDS)),
        environment=tuple(EnvironmentView(name=f"fact-{number}", values=("value",) * BACKENDS) for number in range(30)),
        not_ok=tuple(
            NotOkView(cell=one.cell, machine=one.machine, index=0, status="failed", reason="exit code 1")
            for one in views[::100]
        ),
        refused=(),
    )


def _cell(number: int, machine: str, random: np.random.Generator) -> CellView:
    scores = [float(score) for score in random.uniform(0.01, 0.1, FITS)]
    return CellView(
        anchor=f"cell-{number + 1}",
        cell=f"mlp/backend-{number % BACKENDS}/keras/native/preset-{number}",
        machine=machine,
        seeds="backend 2, keras 1, numpy 1",
        stack="0123456789ab",
        strip=tuple((run, tuple(scores)) for run in range(3)),
        growth=(),
        cost="",
        runs=3,
        classes=("0 1", "2"),
        run_verdict=VERDICTS[number % len(VERDICTS)],
        backend_verdicts=(f"backend-{(number + 1) % BACKENDS}: ROUNDING", "6 backends: DIFFERENT"),
        published_verdict=None,
        published_digits=None,
        confidence="3 runs, all identical: at 95 % confidence, fewer than 77.6 % of runs differ from the first.",
        divergence="run 0 and run 2 part at fit 1, update 3: 0.dense/kernel[0, 0], 4 ULP",
        lane=None,
        scores=tuple(
            ScoreRow(
                position=at, published=None, ours=float(score), digits="", lowest=float(score), highest=float(score)
            )
            for at, score in enumerate(scores, 1)
        ),
        controls=(("intra_op_threads", "1", "in force", "1 thread in /proc"),),
        seconds=scores[0],
    )


def _expectation(one: CellView) -> ExpectationView:
    return ExpectationView(
        where=one.cell,
        scope="run",
        at_least="identical",
        subject=one.cell,
        holds=one.run_verdict == "IDENTICAL",
        seen=one.run_verdict,
        tier="exact",
        state="holds" if one.run_verdict == "IDENTICAL" else "breach",
        until="",
        reason="",
        records=(),
    )


def _pair(number: int, random: np.random.Generator) -> PairView:
    growth = tuple(int(value) for value in np.cumsum(random.integers(0, 50, EPOCHS)))
    return PairView(
        anchor=f"pair-{number + 1}",
        left=f"backend-{number % BACKENDS}",
        right=f"backend-{(number + 1) % BACKENDS}",
        records=(f"{number:064x}", f"{number + 1:064x}"),
        lane="mlp/*/numpy/supplied/ordered",
        machine="machine-0",
        verdict="ROUNDING",
        bound="64 ulp",
        weights_ulp=str(growth[-1]),
        predictions_ulp="12",
        digits="4.3",
        divergence="fit 1, update 1: 0.dense/bias[0], 4 ULP",
        growth=growth,
        remarks=(),
    )


def _split(subject: str, names: Sequence[str]) -> SplitView:
    return SplitView(
        subject=subject,
        classes=tuple((at + 1, len(names[at::2]), tuple(names[at::2]), f"{at:064x}") for at in range(2)),
        unrepeatable=(),
        explanations=("cpu_flag.avx512f splits them exactly.",),
        suspects=(),
    )


def _overview(views: Sequence[CellView], names: Sequence[str], random: np.random.Generator) -> tuple[OverviewRow, ...]:
    hrefs = slugs.hrefs("cells", sorted(one.cell for one in views))
    words = ("", "one run", *VERDICTS)
    return tuple(
        OverviewRow(
            cell=one.cell,
            href=hrefs[one.cell],
            runs=3,
            verdicts=tuple(
                tuple(words[at] for at in random.integers(0, len(words), len(names))) for _ in overview.SCOPES
            ),
        )
        for one in sorted(views, key=lambda one: one.cell)
    )


def _machines(names: Sequence[str], views: Sequence[CellView]) -> tuple[MachineView, ...]:
    hrefs = slugs.hrefs("machines", names)
    facts = tuple((f"hardware.key-{number:03d}", "value") for number in range(200))
    mine = tuple(Membership(subject=one.cell, number=1, of=2, others=tuple(names[::2])) for one in views[:SUBJECTS])
    return tuple(
        MachineView(
            name=name, href=hrefs[name], facts=facts, memberships=mine, agreement=tuple((one, 1, 2) for one in names)
        )
        for name in names
    )


def _traces(views: Sequence[CellView], names: Sequence[str]) -> Traces:
    """Three records a cell in two classes, as `traces.WHOLE` keeps so many: stages without epochs."""
    stages = (
        *(f"init: {number}" for number in range(4)),
        "losses",
        *(f"final weights: {number}" for number in range(4)),
    )
    layout = (*stages, "predictions", "score")
    records = tuple(
        RecordView(
            record=f"{3 * number + run:064x}",
            cell=one.cell,
            machine=one.machine,
            index=run,
            keys=number,
            environment=number % len(names),
            trace=2 * number + run // 2,
        )
        for number, one in enumerate(views)
        for run in range(3)
    )
    return Traces(
        records=records,
        keys=tuple((("workload", "mlp"), ("preset", one.cell)) for one in views),
        environments=tuple(tuple((f"key-{at}", name) for at in range(300)) for name in names),
        layouts=(layout,),
        traces=tuple(
            (0, tuple(tuple(range(number, number + len(layout))) for _ in range(FITS)))
            for number in range(2 * len(views))
        ),
        whole=False,
    )


def write(page: Page, folder: Path) -> None:
    """The site of these values."""
    writing.write_page(page, folder)


def measured(folder: Path, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Page -> what each opening took, in seconds; the first of all is left out, since it also starts the browser."""
    found: dict[str, list[dict[str, float]]] = {}
    with started() as browser:
        for path in sorted(folder.glob("*.html")):
            for number in range(rounds + 1):
                with opened(browser, path) as page:
                    page.wait_for_function("() => performance.getEntriesByType('paint').length > 1")
                    times = page.evaluate(PAINTS)
                if number:
                    found.setdefault(path.name, []).append({name: value / 1000 for name, value in times.items()})
    return found


def table(folder: Path, rounds: int) -> None:
    """A line for each page, in Markdown."""
    print("| page | MiB | first paint, median s | most s | first content, median s | loaded, median s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for page, times in measured(folder, rounds).items():
        first = [one["first-paint"] for one in times]
        figures = [statistics.median(first), max(first)]
        figures += [statistics.median(one[key] for one in times) for key in ("first-contentful-paint", "loaded")]
        size = (folder / page).stat().st_size / 2**20
        print(f"| {page} | {size:.1f} | " + " | ".join(f"{one:.2f}" for one in figures) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cells", type=int, default=10_000, help="default: 10000")
    parser.add_argument("--machines", type=int, default=200, help="default: 200")
    parser.add_argument("--rounds", type=int, default=5, help="openings of each page (default: 5)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write DIR/site, and keep it")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {platform.python_version()}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = (arguments.keep or Path(name)) / "site"
        begin = time.perf_counter()
        write(generated(arguments.cells, arguments.machines), folder)
        written = time.perf_counter() - begin
        size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
        print(f"{arguments.cells:,} cells, {arguments.machines:,} machines: {size:.1f} MiB in {written:.1f} s\n")
        table(folder, arguments.rounds)


if __name__ == "__main__":
    main()
