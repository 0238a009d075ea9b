"""docs/import.md does what it shows."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from bench import jsonlines
from bench.cli.main import main
from bench.store import Store, StoredObservation
from tests.engines import ROOT

PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_example_gives_the_output_that_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (lines,) = blocks("json")
    (tmp_path / "foreign.jsonl").write_text(lines, encoding="utf-8")
    command, _, shown = next(one for one in blocks("console") if "--observations" in one).partition("\n")
    assert main(command.removeprefix("$ bench ").split()) == 3
    assert capsys.readouterr().out == shown
    found = [one for one in Store(Path("team")).observations() if isinstance(one, StoredObservation)]
    digests = {str(one.observation.machine.label): one.observation.digest for one in found}
    assert len(found) == 3
    assert digests["lab-1"] != digests["lab-2"]  # one ULP, by design of the example
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(blocks("python")[0], "import.md", "exec"), {})
    assert printed.getvalue().count("cnn/prediction 0") == 2
    assert "{'avx512': 'true', 'cpu': 'Xeon Gold 6148', 'threads': '8'}" in printed.getvalue()


def test_the_table_names_every_key_and_dtype() -> None:
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    for key in jsonlines.KEYS[()]:
        assert f"`{key}`" in table
    for name in jsonlines.DTYPES:
        assert f"`{name}`" in table or re.fullmatch(r"u?int(16|32)", name)
    assert f"{jsonlines.MOST_VALUES:,} elements" in table
