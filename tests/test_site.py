"""The report's site: what its pages are made of; tests/browser opens them."""

import http.client
import io
import json
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from bench import analysis, index, matrix, published
from bench.cli.main import main
from bench.errors import UsageError
from bench.records import Record
from bench.report import html, markdown, overview, page, plots, serving, slugs, terminal, writing
from bench.report import json as json_form
from bench.report.page import Page
from bench.store import Store
from tests.engines import ROOT
from tests.planted import Planted, fits

A = "mlp/jax-cpu/keras/native/default"
B = "mlp/torch-cpu/keras/native/default"
REFERENCES = published.load(ROOT / "reference" / "published.yaml")
MATRIX = matrix.load(ROOT / "matrix.yaml")


def store(folder: Path, *runs: dict[str, Any]) -> Store:
    """A store of planted runs; `seed` chooses a run's numbers."""
    made = Store(folder)
    stack = {"interpreter": {"version": "3.13.1"}, "distributions": ["numpy 2.4.6 x"]}
    blob = made.add_blob(json.dumps(stack).encode())
    for one in runs:
        values = {key: value for key, value in one.items() if key != "seed"}
        made.add(*Planted(fits=fits(one.get("seed", 1)), stack_blob=blob, **values).record())
    return made


def built(made: Store, campaign: str | None = None) -> Page:
    found = analysis.analyse(made.scan(), MATRIX, REFERENCES, campaign=campaign, index=lambda: index.refresh(made))
    return page.build(found, made.blob)


def verdicts(found: Page, cell: str, scope: str) -> dict[str, str]:
    (row,) = (one for one in found.overview if one.cell == cell)
    return dict(zip(found.machines, row.verdicts[overview.SCOPES.index(scope)], strict=True))


def test_the_matrix_has_each_scope_of_each_machine(tmp_path: Path) -> None:
    runs = [{"cell": A, "index": number, "machine": name, "hardware": name * 64} for name in "abc" for number in (0, 1)]
    runs[5]["seed"] = 2  # on c the second run differs
    runs += [{"cell": B, "index": 0, "machine": "a", "hardware": "a" * 64, "seed": 3}]
    found = built(store(tmp_path, *runs))
    assert verdicts(found, A, "run") == {"a": "IDENTICAL", "b": "IDENTICAL", "c": "DIFFERENT"}
    assert verdicts(found, B, "run") == {"a": "one run", "b": "", "c": ""}
    assert verdicts(found, A, "machine") == {"a": "IDENTICAL", "b": "IDENTICAL", "c": "DIFFERENT"}
    assert verdicts(found, A, "backend")["a"] == verdicts(found, B, "backend")["a"] == "DIFFERENT"
    assert verdicts(found, A, "night") == {"a": "", "b": "", "c": ""}


def shown(found: Page) -> str:
    """What the terminal says, in lines that are long enough."""
    console = Console(record=True, width=250, file=io.StringIO())
    terminal.show(found, console)
    return console.export_text()


@pytest.mark.parametrize("names", ["ab", "a"])
def test_rows_of_several_machines_say_of_which_they_are(names: str, tmp_path: Path) -> None:
    """In the Markdown, on the pages, in their menu and on the terminal; one machine alone is not said in every row."""
    lane = "mlp/{}/numpy/supplied/{}"
    cells = [lane.format("jax-cpu", "float64"), lane.format("torch-cpu", "float64"),
             lane.format("numpy-reference", "extended"), A, A.replace("default", "jit")]  # fmt: skip
    runs = [
        {"cell": cell, "machine": name, "hardware": name * 64, "seed": place if cell.endswith("jit") else 1}
        for place, name in enumerate(names)
        for cell in cells
    ]
    found = built(store(tmp_path, *runs))
    several = len(names) > 1
    assert (len(found.pairs), len(found.switches), len(found.precision)) == tuple(len(names) * n for n in (1, 1, 2))

    text = markdown.render(found).partition("## Shares of variance")
    rows = [line for line in text[0].partition("## Across machines")[0].splitlines() if line.startswith("| mlp/")]
    rows += [line for line in "".join(text).splitlines() if line.startswith("### mlp/")]
    assert len(rows) == len(names) * (2 * len(cells) + 1 + 1 + 2)  # verdicts and scores, pair, switch, distances
    assert len(set(rows)) == len(rows)
    assert all(row.split(" |")[0].endswith((" on a", " on b")) == several for row in rows), rows

    pages = dict(html.site(found))
    for name, count in (("backends.html", 1 + 2), ("controls.html", 1)):  # a pair and two distances; a switch
        spans = [pages[name].count(f">on {machine}</span>") for machine in names]
        assert spans == [count if several else 0] * len(names), name
    figure = plots.pairs_growth(found)
    assert figure is not None
    labels = [button["label"] for menu in figure["layout"].get("updatemenus", ()) for button in menu["buttons"]]
    assert labels == ([f"mlp/*/numpy/supplied/float64 on {name}" for name in names] if several else [])

    lines = [line for line in shown(found).splitlines() if line.strip().startswith(("mlp/", "jax-cpu ~"))]
    assert len(lines) == len(names) * (len(cells) + 1)
    assert all((f" on {name}" in "".join(lines)) == several for name in names)
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_run_without_a_result_says_on_which_machine(name: str, tmp_path: Path) -> None:
    """Also where all results are of another machine: a crash there is not one here."""
    made = store(tmp_path, {"cell": A, "machine": "a", "hardware": "a" * 64})
    made.add(crashed(cell=B, machine=name, hardware=name * 64), b"")
    found = built(made)
    assert found.machines == ("a",)
    assert [(one.machine, one.index, one.status) for one in found.not_ok] == [(name, 0, "failed")]
    row = B if name == "a" else f"{B} on b"
    assert f"| {row} | 0 | failed | crash |" in markdown.render(found)
    assert f"failed: 1 run, {row}: crash" in shown(found)
    assert (">on a</span>" in dict(html.site(found))["index.html"]) is False
    assert (">on b</span>" in dict(html.site(found))["index.html"]) is (name == "b")


def crashed(hardware: str | None = None, **fields: Any) -> Record:
    """The record of a run that failed; without hardware, of one that was refused before its machine could be asked."""
    record, _ = Planted(**fields, hardware=hardware or "0" * 64).record()
    machine = record.run.machine.model_copy(update={"hardware": hardware})
    run = record.run.model_copy(update={"machine": machine})
    left = {"status": "failed", "reason": "crash", "outcome": None, "arrays": None, "run": run}
    return record.model_copy(update=left)


def test_what_failed_makes_no_machine_of_its_own(tmp_path: Path) -> None:
    """A refused run knows no hardware, and a crash may be of a twin by name: neither renames a machine with results,
    nor stands beside it in the overview."""
    made = store(tmp_path, *({"cell": A, "index": number, "machine": name, "hardware": name * 64}
                             for name in "ab" for number in (0, 1)))  # fmt: skip
    made.add(crashed(cell=B, machine="a"), b"")
    made.add(crashed(cell=B, machine="a", index=1, hardware="c" * 64), b"")
    found = built(made)
    assert found.machines == ("a", "b")
    assert [view.name for view in found.machine_views] == ["a", "b"]
    assert verdicts(found, A, "run") == verdicts(found, A, "machine") == {"a": "IDENTICAL", "b": "IDENTICAL"}
    assert sorted((one.index, one.machine) for one in found.not_ok) == [(0, "a"), (1, "a (cccccccc)")]


def test_a_worse_verdict_is_never_hidden_by_a_better_one(tmp_path: Path) -> None:
    """Two seeds of one cell share its place; one of them repeats."""
    other = {"numpy": 5, "backend": 6, "keras": 5}
    runs: list[dict[str, Any]] = [{"cell": A, "index": number} for number in (0, 1)]
    runs += [{"cell": A, "index": number, "seeds": other, "seed": number} for number in (0, 1)]
    for order in (runs, runs[2:] + runs[:2]):
        found = built(store(tmp_path / str(order is runs), *order))
        assert verdicts(found, A, "run") == {"box": "DIFFERENT"}


def test_a_changed_night_is_a_change_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    dates = ({"campaign": "one", "started": "2026-11-22T10:00:00.000Z"}, {"campaign": "two"})
    runs: list[dict[str, Any]] = [
        {"cell": cell, "index": number, **date} for cell in (A, B) for number in (0, 1) for date in dates
    ]
    for one in runs:
        one["seed"] = 2 if (one["cell"], one["campaign"]) == (B, "two") else 1
    found = built(store(tmp_path, *runs), "two")
    assert verdicts(found, A, "night") == {"box": "IDENTICAL"}
    assert verdicts(found, B, "night") == {"box": "DIFFERENT"}
    assert [(one.subject.split()[0], one.results) for one in found.changes] == [(B, "changed")]
    assert found.nights == 2


def test_nights_of_which_none_repeats_have_no_verdict(tmp_path: Path) -> None:
    dates = ({"campaign": "one", "started": "2026-11-22T10:00:00.000Z"}, {"campaign": "two"})
    runs = [{"cell": A, "index": number, "seed": number, **date} for number in (0, 1) for date in dates]
    assert verdicts(built(store(tmp_path, *runs), "two"), A, "night") == {"box": ""}


def test_a_machine_knows_who_agrees_with_it(tmp_path: Path) -> None:
    runs: list[dict[str, Any]] = []
    for name in "abc":
        runs += [{"cell": cell, "machine": name, "hardware": name * 64} for cell in (A, B)]
    runs[5]["seed"] = 2  # B on c
    found = {one.name: one for one in built(store(tmp_path, *runs)).machine_views}
    assert found["a"].agreement == (("b", 2, 2), ("c", 1, 2))
    assert [(one.number, one.of, one.others) for one in found["c"].memberships] == [(1, 1, ("a", "b")), (2, 2, ())]


def test_runs_of_one_class_share_a_trace_and_others_part_where_they_do(tmp_path: Path) -> None:
    made = store(tmp_path, {"cell": A, "index": 0}, {"cell": A, "index": 1}, {"cell": A, "index": 2, "seed": 2})
    found = built(made).traces
    assert [one.trace for one in found.records] == [0, 0, 1]
    (layout, left), (other, right) = found.traces
    assert layout == other
    differing = [name for name, one, two in zip(found.layouts[layout], left[0], right[0], strict=True) if one != two]
    assert differing[0] == "init: 0.dense/kernel"
    assert "weights after epoch 4" in differing


def test_names_from_elsewhere_become_files_of_their_own() -> None:
    names = ["a/b", "a_b", "A/B", "../../etc/passwd", "<script>", "x" * 500, "x" * 501, "..", "", "ä"]
    found = slugs.hrefs("cells", names)
    assert len({href.lower() for href in found.values()}) == len(names)
    for href in found.values():
        folder, _, name = href.partition("/")
        assert folder == "cells"
        assert name.isascii()
        assert not set(name) & set('/\\<>"')
        assert not name.startswith(".")


def test_the_same_records_give_the_same_files(tmp_path: Path) -> None:
    found = built(store(tmp_path / "store", {"cell": A}, {"cell": B}))
    assert dict(html.site(found)) == dict(html.site(found))


def test_pages_that_a_later_report_does_not_have_go_and_other_files_stay(tmp_path: Path) -> None:
    first = built(store(tmp_path / "one", {"cell": A}, {"cell": B}))
    writing.write_page(first, tmp_path / "site")
    (tmp_path / "site" / "cells" / "mine.html").write_text("<p>not of a report</p>")
    writing.write_page(built(store(tmp_path / "two", {"cell": A})), tmp_path / "site")
    left = sorted(path.name for path in (tmp_path / "site" / "cells").iterdir())
    assert left == ["mine.html", "mlp_jax-cpu_keras_native_default.html"]


def test_the_published_schema_is_current_and_a_report_is_valid(tmp_path: Path) -> None:
    kept = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    assert kept == json_form.schema(), "accept: bench report --schema > docs/report.schema.json"
    value = json.loads(json_form.render(built(store(tmp_path, {"cell": A}, {"cell": B, "seed": 2}))))
    jsonschema.validate(value, kept)
    value["cells"][0]["runs"] = "many"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, kept)


@pytest.mark.parametrize("name", ["machines", "workloads", "tutorial-tensorflow"])
def test_a_report_among_the_docs_is_what_its_bundle_gives(name: str, tmp_path: Path) -> None:
    """The command of `scripts` that made it would, with `--report`, change nothing."""
    assert main(["collect", str(ROOT / "docs" / "examples" / f"{name}.zip"), "--store", str(tmp_path / "store")]) == 0
    text = markdown.render(built(Store(tmp_path / "store")))
    assert text == (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"), name


def test_the_committed_site_is_what_its_bundle_gives(tmp_path: Path) -> None:
    bundle = ROOT / "docs" / "examples" / "matrix.zip"
    assert main(["collect", str(bundle), "--store", str(tmp_path / "store")]) == 0
    made = Store(tmp_path / "store")
    writing.write_page(built(made), tmp_path / "site")
    kept = ROOT / "docs" / "site" / "matrix"
    new = {str(path.relative_to(tmp_path / "site")) for path in (tmp_path / "site").rglob("*") if path.is_file()}
    assert new == {str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()}
    for name in new:
        # Another release of the plotting library is no fault of a page, nor is the last bit of another SciPy's.
        if name.endswith((".html", ".md", ".xml", "report.css", "report.js")):
            assert (tmp_path / "site" / name).read_bytes() == (kept / name).read_bytes(), f"{name}: scripts/site"
        if name == "report.json":
            new_values, old_values = (json.loads((folder / name).read_bytes()) for folder in (tmp_path / "site", kept))
            assert _rounded(new_values) == _rounded(old_values), f"{name}: scripts/site"


def _rounded(value: Any) -> Any:
    """JSON with its floats to nine digits."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return f"{value:.9g}" if isinstance(value, float) else value


def test_a_site_is_served_to_this_machine_alone(tmp_path: Path) -> None:
    """On loopback, and not to a page that leads another host's name here."""
    (tmp_path / "index.html").write_text("<p>here</p>")
    with serving.server(tmp_path, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answers = {}
        for host in ("127.0.0.1", "localhost", "elsewhere.example"):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.request("GET", "/index.html", headers={"Host": f"{host}:{server.server_port}"})
            answers[host] = connection.getresponse().status
            connection.close()
        server.shutdown()
    assert answers == {"127.0.0.1": 200, "localhost": 200, "elsewhere.example": 403}


def test_a_port_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--port 70000"):
        serving.server(tmp_path, 70000)
