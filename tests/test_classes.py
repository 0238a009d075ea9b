"""Equivalence classes of planted machines: who agrees, who does not, and which keys say why."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import classes, index
from bench.classes import Split
from bench.cli.main import main
from bench.digests import sha256
from bench.store import Store
from tests.planted import Planted, fits

WIDE = {"cpu_flags": "avx2 avx512f", "cpu_model": "wide"}
NARROW = {"cpu_flags": "avx2", "cpu_model": "narrow"}


def planted(machine: str, *, seed: int = 7, number: int = 0, facts: dict[str, Any] | None = None,
            **more: Any) -> Planted:  # fmt: skip
    """A run of a machine; machines with another name have another hardware digest."""
    hardware = more.pop("hardware", f"{sum(map(ord, machine)):064x}")
    return Planted(machine=machine, hardware=hardware, index=number, fits=fits(seed), facts=facts or {},
                   started=f"2026-11-23T10:00:{number:02d}.000Z", **more)  # fmt: skip


def split(tmp_path: Path, runs: list[Planted]) -> Split:
    """The only subject of a store that has these runs."""
    store = Store(tmp_path / "store")
    for one in runs:
        store.add(*one.record())
    (found,) = classes.splits(index.refresh(store))
    return found


def test_machines_with_one_result_are_one_class(tmp_path: Path) -> None:
    found = split(tmp_path, [planted("one"), planted("two"), planted("two", number=1)])
    assert [(one.runs, one.machines) for one in found.classes] == [(3, ("one", "two"))]
    assert found.subject.startswith("mlp/theano-cpu/numpy/native/default seeds 1/2/1 ")
    assert (found.explanations, found.suspects, found.unrepeatable) == ((), (), ())


def test_the_key_that_splits_machines_is_named(tmp_path: Path) -> None:
    """Two machines with AVX-512 agree, two without agree, and nothing else varies so: flag and model, as one."""
    kernels = {"a": "5", "b": "6", "c": "5", "d": "6"}
    runs = [planted(name, seed=7 if name in "ab" else 8, facts=WIDE if name in "ab" else NARROW,
                    surroundings={"kernel": kernel}) for name, kernel in kernels.items()]  # fmt: skip
    found = split(tmp_path, runs)
    assert {one.machines for one in found.classes} == {("a", "b"), ("c", "d")}
    (one,) = found.explanations
    assert (one.kind, one.keys) == ("exact", ("cpu_flag.avx512f", "hardware.cpu_model"))


def test_a_machine_whose_own_runs_differ_is_in_no_class(tmp_path: Path) -> None:
    """It is named, and the key that parts it from those that repeat too."""
    runs = [planted(name, number=number, seed=7 + number * (name == "gpu"), facts={"gpus": [name == "gpu"]},
                    surroundings={"nvidia_driver": "570" if name == "gpu" else None})
            for name in ("one", "two", "gpu") for number in range(2)]  # fmt: skip
    found = split(tmp_path, runs)
    assert found.unrepeatable == ("gpu",)
    assert [(one.runs, one.machines) for one in found.classes] == [(5, ("one", "two"))]
    assert found.strays == 1
    assert [one.keys for one in found.repeatability if one.kind == "exact"] == [("surroundings.nvidia_driver",)]


def test_a_machine_alone_against_its_likes_is_suspect(tmp_path: Path) -> None:
    """Same CPU, kernel, stack; other bits: the hardware or something that nobody recorded."""
    runs = [planted(name, seed=8 if name == "sick" else 7, facts=WIDE, surroundings={"kernel": "6", "note": name})
            for name in ("one", "two", "sick")]  # fmt: skip
    for one in runs:
        one.surroundings.pop("note")
    found = split(tmp_path, runs)
    assert [(one.machines, one.others) for one in found.suspects] == [(("sick",), ("one", "two"))]


def test_one_label_for_two_machines_is_told_apart(tmp_path: Path) -> None:
    found = split(tmp_path, [planted("lab", hardware="1" * 64, facts=WIDE),
                             planted("lab", hardware="2" * 64, facts=NARROW, number=1)])  # fmt: skip
    assert found.classes[0].machines == ("lab (11111111)", "lab (22222222)")


def test_the_same_end_another_way_is_another_class(tmp_path: Path) -> None:
    """One bit of one weight at one epoch on the way: the result digest does not cover it, the class does."""
    other = planted("two")
    other.fits[1].trajectory[1][0].view(np.uint32)[0, 2] ^= 1
    assert len(split(tmp_path, [planted("one"), other]).classes) == 2


def test_a_trace_level_that_keeps_less_splits_no_class(tmp_path: Path) -> None:
    found = split(tmp_path, [planted("one"), planted("two", trace="scores")])
    assert [one.machines for one in found.classes] == [("one", "two")]


def test_what_is_not_comparable_is_another_subject(tmp_path: Path) -> None:
    """Other hyperparameters under the same cell's name never count as another class."""
    store = Store(tmp_path / "store")
    for one in (planted("one"), planted("two", hyperparameters={"optimizer": "adam", "epsilon": "0x1p-20"})):
        store.add(*one.record())
    assert [len(one.classes) for one in classes.splits(index.refresh(store))] == [1, 1]


def test_attempts_at_one_run_that_ended_alike_are_one_run(tmp_path: Path) -> None:
    """As in a report: two records of one run are no more evidence than one. If they ended otherwise both count."""
    twice = [planted("one"), planted("one", attempt="1" * 32), planted("two")]
    found = split(tmp_path / "alike", twice)
    assert (found.runs, found.classes[0].runs, found.unrepeatable) == (2, 2, ())
    found = split(tmp_path / "otherwise", [planted("one"), planted("one", attempt="1" * 32, seed=8), planted("two")])
    assert (found.runs, found.unrepeatable) == (3, ("one",))


def test_the_order_of_records_is_irrelevant(tmp_path: Path) -> None:
    runs = [planted(name, number=number, seed=7 + (name == "c"), facts=WIDE if name < "c" else NARROW)
            for name in "abc" for number in range(2)]  # fmt: skip
    first = split(tmp_path / "first", runs)
    random.Random(3).shuffle(runs)
    assert split(tmp_path / "second", runs) == first


def test_only_new_records_are_read(tmp_path: Path) -> None:
    """Records that the index covers need not be touched again: here they could not even be read."""
    store = Store(tmp_path / "store")
    digest = store.add(*planted("one").record())
    assert len(index.refresh(store).runs) == 1
    (store.folder / "records" / digest / "arrays.bin").write_bytes(b"")
    store.add(*planted("two").record())
    assert sorted(index.refresh(store).runs["machine"]) == ["one", "two"]


def test_the_index_is_derived(tmp_path: Path) -> None:
    """Deleted, it comes again; a record that was removed goes from it too."""
    store = Store(tmp_path / "store")
    digest = store.add(*planted("one").record())
    before = index.refresh(store)
    shutil.rmtree(store.folder / "index")
    assert index.refresh(store).runs.equals(before.runs)
    store.add(*planted("two").record())
    index.refresh(store)
    shutil.rmtree(store.folder / "records" / digest)
    assert list(index.refresh(store).runs["machine"]) == ["two"]


def test_what_is_refused_is_named_each_time_until_it_is_mended(tmp_path: Path) -> None:
    """It has no place in the index, which alone holds no part for it; mended, it has its class."""
    store = Store(tmp_path / "store")
    digest = store.add(*planted("one").record())
    path = store.folder / "records" / digest / "arrays.bin"
    content = path.read_bytes()
    path.write_bytes(b"")
    for _ in range(2):
        found = index.refresh(store)
        assert [(one.kind, one.name) for one in found.refused] == [("record", digest)]
        assert (len(found.runs), list(store.folder.glob("index/*.parquet"))) == (0, [])
    path.write_bytes(content)
    found = index.refresh(store)
    assert (list(found.runs["machine"]), found.refused) == (["one"], ())


def test_a_part_of_another_schema_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys may have another form; what an older bench named without a schema goes too."""
    store = Store(tmp_path / "store")
    store.add(*planted("one").record())
    monkeypatch.setattr(index, "SCHEMA", index.SCHEMA - 1)
    index.refresh(store)
    (old,) = store.folder.glob("index/runs-*.parquet")
    old.with_name("runs-" + "0" * 32 + ".parquet").write_bytes(b"of schema 1")
    monkeypatch.undo()
    monkeypatch.setattr(index, "row", lambda *_: ({**dict.fromkeys(index.COLUMNS, "new"), "index": 0}, {}))
    assert list(index.refresh(store).runs["machine"]) == ["new"]
    assert {path.name.split("-")[1] for path in store.folder.glob("index/*.parquet")} == {str(index.SCHEMA)}


#: Of `index.SCHEMA`: what a planted record's row and keys have always been.
FORMS = {2: "65f1c1bb12ea5d3e"}


def test_the_form_of_a_row_is_that_of_the_schema(tmp_path: Path) -> None:
    """A change of what a column or key looks like makes index.SCHEMA grow; then put the new digest here."""
    store = Store(tmp_path / "store")
    name = store.add(*planted("one", facts=WIDE).record())
    run, keys = index.row(store.read(name), {"distributions": ["numpy 1.0 " + "0" * 64]})
    assert run.pop("record") == name  # a digest that changes with the schema of records
    assert sha256(json.dumps([run, keys], sort_keys=True).encode())[:16] == FORMS[index.SCHEMA]


def test_what_was_read_before_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first report after collecting reads each record once, and hands it on."""
    store = Store(tmp_path / "store")
    for name in ("one", "two"):
        store.add(*planted(name).record())
    before = list(store.scan())
    monkeypatch.setattr(Store, "read", lambda *_: pytest.fail("read again"))
    assert sorted(index.refresh(store, before).runs["machine"]) == ["one", "two"]


def test_of_a_store_that_lost_all_its_records_nothing_is_left(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    digest = store.add(*planted("one").record())
    index.refresh(store)
    shutil.rmtree(store.folder / "records" / digest)
    assert classes.splits(index.refresh(store)) == ()


def test_many_small_parts_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SMALL_PARTS", 4)
    store = Store(tmp_path / "store")
    for number in range(6):
        store.add(*planted("one", number=number).record())
        index.refresh(store)
    assert len(list((store.folder / "index").glob("runs-*.parquet"))) < 4
    assert sorted(index.refresh(store).runs["index"]) == list(range(6))


def test_the_sentence_turns_round_with_the_records(tmp_path: Path) -> None:
    """Agreement, an exact cause, no cause, no repeatability: each reads as it is."""
    said = {}
    for name, seeds, facts in (("agree", (7, 7), (WIDE, NARROW)), ("cause", (7, 8), (WIDE, NARROW)),
                               ("none", (7, 8), (WIDE, WIDE))):  # fmt: skip
        runs = [planted(machine, seed=seed, facts=fact)
                for machine, seed, fact in zip(("one", "two"), seeds, facts, strict=True)]  # fmt: skip
        said[name] = classes.sentence(split(tmp_path / name, runs))
    assert said["agree"].endswith("2 runs on 2 machines are one class.")
    assert (
        "2 classes. cpu_flag.avx512f (and what varies with it: hardware.cpu_model) splits them exactly" in said["cause"]
    )
    assert "No recorded key explains the classes. two stands apart from one with the very same" in said["none"]
    loose = split(tmp_path / "loose", [planted("one"), planted("one", number=1, seed=8), planted("two", facts=WIDE)])
    assert "1 class; on one the runs do not agree with each other." in classes.sentence(loose)


def test_the_report_shows_classes_of_machines(tmp_path: Path) -> None:
    """Bundles of two machines in one store: the command's report has the classes and the key, in all its forms."""
    store = Store(tmp_path / "store")
    blob = store.add_blob(b'{"distributions": [], "interpreter": {"version": "2.7"}}')
    for one in (planted("one", facts=WIDE, stack_blob=blob), planted("two", facts=NARROW, seed=8, stack_blob=blob)):
        store.add(*one.record())
    assert main(["report", "--store", str(tmp_path / "store"), "-o", str(tmp_path / "report")]) in (0, 1)
    for name in ("index.html", "report.md", "report.json"):
        text = (tmp_path / "report" / name).read_text()
        assert "splits them exactly" in text, name


def observation(machine: str, bits: str, flags: str, run: str = "a") -> str:
    """One line of the import format: a float64 that another tool computed."""
    return json.dumps({"schema": 1, "subject": "sum of the thesis", "run": run,
                       "machine": {"label": machine, "fingerprint": {"cpu.flags": flags, "kernel": "6.1"}},
                       "dtype": "float64", "shape": [1], "values": [bits]})  # fmt: skip


def test_observations_of_other_tools_are_put_into_classes_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four machines, two sums that differ in the last bit, one key that says why: in `bench classes` and the report."""
    lines = [observation("a", "0x1.0p0", "avx2"), observation("b", "0x1.0p0", "avx2"),
             observation("c", "0x1.0000000000001p0", "avx512"), observation("d", "0x1.0000000000001p0", "avx512"),
             observation("d", "0x1.0000000000001p0", "avx512", run="b")]  # fmt: skip
    (tmp_path / "thesis.jsonl").write_text("\n".join(lines) + "\n")
    store = str(tmp_path / "store")
    assert main(["collect", "--observations", str(tmp_path / "thesis.jsonl"), "--store", store]) == 0
    assert main(["classes", "--store", store, "--only", "sum*"]) == 0
    said = capsys.readouterr().out
    assert "sum of the thesis: 5 runs on 4 machines: 2 classes. cpu.flags splits them exactly" in said
    assert "class 1: 3 runs on c, d" in said
    assert main(["report", "--store", store, "-o", str(tmp_path / "report")]) == 0
    for name in ("index.html", "report.md", "report.json"):
        assert "cpu.flags splits them exactly" in (tmp_path / "report" / name).read_text()
    assert main(["classes", "--store", store, "--only", "other*"]) == 0
    assert capsys.readouterr().out.count("splits") == 1  # the report's own summary, and nothing of the last command
