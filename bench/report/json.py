"""The page values as JSON, for other programs."""

import dataclasses
import json

from bench.report.page import Page

SCHEMA = 1


def render(page: Page) -> str:
    """Indented JSON with sorted keys; NaN and infinities never occur in page values."""
    value = {"schema": SCHEMA, **dataclasses.asdict(page)}
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"
