"""The page values as JSON, for other programs."""

import dataclasses
import json
import math
from typing import Any

from bench.report.page import Page

SCHEMA = 1


def render(page: Page) -> str:
    """Indented JSON with sorted keys; a NaN or an infinity (a score of a training that blew up) is spelled."""
    value = {"schema": SCHEMA, **dataclasses.asdict(page)}
    return json.dumps(_spelled(value), indent=1, sort_keys=True, allow_nan=False) + "\n"


def _spelled(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become "nan", "inf" and "-inf"."""
    if isinstance(value, dict):
        return {key: _spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
