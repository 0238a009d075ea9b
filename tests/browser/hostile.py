"""A store in which every text that another machine or another tool may choose is an attack on a web page."""

import json
from pathlib import Path

from bench import jsonlines
from bench.records import ControlState
from bench.store import Store
from tests.planted import Planted, fits

SET = "window.__pwned=1"
#: Each breaks out of another place: text, an attribute in either quote, an address, a script element (which a comment
#: in it can swallow), a template of either kind, the plotting library's own markup, a key of JavaScript's objects.
TEXTS = (
    f"<script>{SET}</script>",
    f'"><img src=x onerror="{SET}">',
    f"'><svg onload='{SET}'>",
    f"' onmouseover='{SET}' x='",
    f'" autofocus tabindex=0 onfocus="{SET}" x="',
    f"javascript:{SET}",
    f"</script><script>{SET}</script>",
    f"</title></style></textarea><script>{SET}</script>",
    "<!--<script>",
    "{{ 7*7 }}${7*7}`${7*7}`",
    f'<a href="javascript:{SET}">here</a>',
    "<b>bold</b>&lt;&amp;",
    "__proto__",
)
#: Two backends that are compared, one of them with a published result and beside another preset.
CELLS = ("mlp/tf1-cpu/numpy/supplied/single-thread", "mlp/theano-cpu/numpy/supplied/single-thread",
         "mlp/theano-cpu/numpy/native/single-thread", "mlp/theano-cpu/numpy/native/default")  # fmt: skip
#: What some page of the site must show to the letter: who ran, why a run failed, what another tool computed. An
#: address must begin with its scheme and a key be the key, so those are not told apart by where they stand.
PLACES = ("machine", "reason", "subject")


def marked(place: str, text: str) -> str:
    """The text as it stands in one place."""
    return text if text.startswith(("javascript:", "__")) else f"{place} {text}"


def plant(folder: Path) -> None:
    """Machines of hostile names whose records hold such texts everywhere, failed runs, and observations."""
    store = Store(folder)
    for number, text in enumerate(TEXTS):
        label, hardware = marked("machine", text), f"{number:064x}"
        stack = {"digest": "b" * 64, "interpreter": {"version": text}, "distributions": [f"numpy {text}"]}
        blob = store.add_blob(json.dumps(stack).encode())
        for cell in CELLS:
            for index in range(2):
                # Every third machine does not repeat, and two kinds of machines do not agree.
                planted = Planted(cell=cell, index=index, fits=fits(7 + number % 2 + 10 * index * (number % 3 == 0)),
                                  machine=label, hardware=hardware, stack_blob=blob, keras=text,
                                  facts={"cpu_model": text, "cpus": text, f"cpu_flag.{text}": text},
                                  surroundings={"kernel": text, text: text})  # fmt: skip
                _add_run(store, planted, text)
        _add_failure(store, Planted(cell=CELLS[0], index=9, machine=label, hardware=hardware), marked("reason", text))
        for value in range(2):
            line = {"schema": 1, "subject": marked("subject", text), "notes": text, "run": text, "dtype": "float32",
                    "machine": {"label": f"{value} {label}", "fingerprint": {text: f"{value} {text}"}}, "shape": [1],
                    "values": [value]}  # fmt: skip
            store.add_observation(*jsonlines.parse(json.dumps(line).encode()))


def _add_run(store: Store, planted: Planted, text: str) -> None:
    record, content = planted.record()
    assert record.outcome is not None
    control = ControlState(name=text, asked=text, state="not in force", evidence=text)
    outcome = record.outcome.model_copy(update={"controls": (control,), "devices": (text,)})
    executor = {"name": text, "base": {"name": text, "origin": text}}
    store.add(record.model_copy(update={"outcome": outcome, "executor": executor}), content)


def _add_failure(store: Store, planted: Planted, reason: str) -> None:
    record, _ = planted.record()
    nothing = {"fingerprint": None, "outcome": None, "arrays": None, "output_tail": reason}
    store.add(record.model_copy(update={"status": "failed", "reason": reason, **nothing}), b"")
