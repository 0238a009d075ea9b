"""`bench export`: records and observations in one file."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import bundle, sources
from bench.cell import selected
from bench.cli import options, refusals
from bench.errors import UsageError
from bench.store import Refused, Store, Stored, StoredObservation

HELP = "put the records and observations of a store into one file that another machine can collect"
EXAMPLE = "bench export -o monday.zip --campaign 2026-11-23"


def arguments(parser: argparse.ArgumentParser) -> None:
    options.add_store(parser)
    options.add_campaign(parser)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="records whose cell and observations whose subject matches",
    )
    parser.add_argument(
        "-o", "--output", default="bundle.zip", metavar="FILE", help="a path or a URL (default: bundle.zip)"
    )


def command(arguments: argparse.Namespace) -> int:
    store = Store.existing(arguments.store)
    refused: list[Refused] = []
    records = _records(store, arguments.campaign, arguments.only, refused)
    # An observation belongs to no campaign.
    observations = _observations(store, arguments.only, refused) if arguments.campaign is None else []
    if not records and not observations:
        refusals.told(refused)
        raise UsageError(f"{arguments.store}: nothing is selected; `bench show --list` lists the records")
    size = _write(arguments.output, records, observations, store)
    more = f", {len(observations)} observations" if observations else ""
    print(f"{sources.shown(arguments.output)}: {len(records)} records{more}, {size} bytes")
    return refusals.told(refused)


def _records(store: Store, campaign: str | None, only: Sequence[str], refused: list[Refused]) -> list[Stored]:
    """What is chosen; what cannot be trusted has no cell by which it could be left out, and is put to `refused`."""
    found = list(store.scan())
    refused += [one for one in found if isinstance(one, Refused)]
    return [
        one
        for one in found
        if isinstance(one, Stored)
        and (campaign is None or one.record.run.campaign == campaign)
        and selected(one.record.run.cell, only)
    ]


def _observations(store: Store, only: Sequence[str], refused: list[Refused]) -> list[StoredObservation]:
    found = list(store.observations())
    refused += [one for one in found if isinstance(one, Refused)]
    return [one for one in found if isinstance(one, StoredObservation) and selected(one.observation.subject, only)]


def _write(output: str, records: list[Stored], observations: list[StoredObservation], store: Store) -> int:
    """Writes the bundle here, or here first and then to a URL; its size in bytes."""
    if not sources.is_url(output):
        bundle.export(records, store, Path(output), observations)
        return Path(output).stat().st_size
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "bundle.zip"
        bundle.export(records, store, path, observations)
        sources.put(path, output)
        return path.stat().st_size
