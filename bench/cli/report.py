"""`bench report`: compares what is in the store; needs no engine and no framework."""

import argparse
import contextlib
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import analysis, baseline, index, published, resources
from bench.analysis import Analysis
from bench.baseline import Baseline
from bench.cli import options
from bench.errors import worst_exit
from bench.matrix import Matrix
from bench.report import json as json_form
from bench.report import serving, terminal, writing
from bench.report.environment import Blobs
from bench.store import Refused, Store, Stored, StoredObservation

HELP = (
    "compare the records of a campaign and write a site, report/index.html, with report.md, report.json and junit.xml"
)
EXAMPLE = "bench report --store results -o report"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_matrix(parser)
    options.add_store(parser)
    options.add_campaign(parser)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cells whose id matches")
    options.add_baseline(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("report"), metavar="DIR", help="where (default: report)"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON schema of report.json, and do no more")
    parser.add_argument("--serve", action="store_true", help="then show it at a port of this machine alone")
    where = f"with --serve (default: {serving.PORT})"
    parser.add_argument("--port", type=options.positive, default=serving.PORT, metavar="N", help=where)


def command(arguments: argparse.Namespace) -> int:
    if arguments.schema:
        print(json.dumps(json_form.schema(), indent=1, sort_keys=True))
        return 0
    matrix = options.read_matrix(arguments)
    store = Store.existing(arguments.store)
    known = baseline.read(arguments.baseline)
    folder = arguments.output
    code = write(store, matrix, campaign=arguments.campaign, folder=folder, only=arguments.only, known=known)
    if arguments.serve:
        with serving.server(folder, arguments.port) as server:
            print(f"http://{serving.HOST}:{server.server_port}/ until Ctrl-C", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                server.serve_forever()
    return code


def write(
    store: Store,
    matrix: Matrix,
    *,
    campaign: str | None,
    folder: Path,
    only: Sequence[str] = (),
    known: Baseline | None,
) -> int:
    """Writes the report, prints its summary; 1 for a breach of `expect:` that no known exception excuses today, 3 for
    what was refused. What is written does not depend on the day."""
    found, blobs = analysed(store, matrix, campaign=campaign, only=only, known=known)
    page = writing.write(found, blobs, folder)
    console = Console(highlight=False)
    terminal.show(page, console)
    console.print(f"report: {folder / 'index.html'}", soft_wrap=True)
    return worst_exit([1 if found.breaches(options.today()) else 0, 3 if found.refused else 0])


def analysed(
    store: Store, matrix: Matrix, *, campaign: str | None, only: Sequence[str] = (), known: Baseline | None
) -> tuple[Analysis, Blobs]:
    """The analysis of a store's campaign, and what gives the bytes of blobs; what is damaged is in it as refused."""
    references = published.load(resources.find("reference") / "published.yaml")
    records = list(store.scan())
    # Of observations only what the index takes is kept, and not their values, which may be large.
    observed = [
        dataclasses.replace(one, content=b"") if isinstance(one, StoredObservation) else one
        for one in store.observations()
    ]
    prints = [one.record.fingerprint for one in records if isinstance(one, Stored)]
    damaged = list(store.damaged(sorted({blob for one in prints if one for blob in one.blobs()})))
    unread = {one.name for one in damaged}
    found = analysis.analyse(
        [*records, *damaged, *(one for one in observed if isinstance(one, Refused))],
        matrix,
        references,
        campaign=campaign,
        only=only,
        index=lambda: index.refresh(store, [*records, *observed]),
        baseline=known,
        observed=any(isinstance(one, StoredObservation) for one in observed),
    )
    return found, lambda digest: b"" if digest in unread else store.blob(digest)
