"""The page values as JSON, for other programs; `schema()` says what they are, and docs/report.schema.json is its copy.

Schema history
  1  first (2026-11).
  2  overview, changes, machine_views, references; cells with seeds, stack, all scores, growth and cost; machines of
     classes as lists.
  3  machines of pairs and distances; runs that are not ok as objects with theirs.
"""

import dataclasses
import json
import math
from typing import Any

from bench.report.page import Page

SCHEMA = 3
#: What the page of pairs alone needs: digests of every epoch, too many to be read by anything else.
LEFT_OUT = ("traces",)


def render(page: Page) -> str:
    """Indented JSON with sorted keys; a NaN or an infinity (a score of a training that blew up) is spelled."""
    fields = (one.name for one in dataclasses.fields(page) if one.name not in LEFT_OUT)
    value = {"schema": SCHEMA} | {name: _plain(getattr(page, name)) for name in fields}
    return json.dumps(_spelled(value), indent=1, sort_keys=True, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of what `render` gives (JSON Schema, draft 2020-12)."""
    from pydantic import TypeAdapter

    found = TypeAdapter(Page).json_schema(mode="serialization")
    for name in LEFT_OUT:
        found["properties"].pop(name)
        found["required"].remove(name)
    found["properties"]["schema"] = {"const": SCHEMA}
    found["required"].append("schema")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _plain(value: Any) -> Any:
    """Dataclasses as mappings, inside tuples too."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _spelled(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become "nan", "inf" and "-inf"."""
    if isinstance(value, dict):
        return {key: _spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
