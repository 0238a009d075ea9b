"""matrix.yaml, cells and plans: what is wrong is named before anything runs."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench import matrix, plan
from bench.bound import Bound
from bench.cell import INITS, SEEDINGS, Cell
from bench.errors import BenchError, RefusedInput, RunError, UsageError, sentence, worst_exit
from tests.engines import ROOT, SHIPPED

parts = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,12}", fullmatch=True)
cells = st.builds(Cell, workload=parts, backend=parts, seeding=st.sampled_from(SEEDINGS), init=st.sampled_from(INITS),
                  preset=parts)  # fmt: skip


@given(cells)
def test_a_cell_is_its_id(cell: Cell) -> None:
    assert Cell.parse(str(cell)) == cell
    assert cell.matches(str(cell))
    assert cell.matches("*")


@pytest.mark.parametrize("text", ["", "mlp", "a/b/numpy/native", "a/b/numpy/native/c/d", "A/b/numpy/native/c",
                                  "a/../numpy/native/c", "a/b c/numpy/native/d", "a/b/numpy/native/d\n"])  # fmt: skip
def test_what_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a cell"):
        Cell.parse(text)


def test_an_unknown_seeding_names_the_legal_ones() -> None:
    with pytest.raises(UsageError, match="unknown seeding 'nunpy'; legal: unseeded, numpy, full, keras; did you mean"):
        Cell.parse("mlp/x/nunpy/native/default")


def test_exit_codes_and_their_precedence() -> None:
    """4 before 2 before 3 before 1 before 0; each error has the code that DESIGN gives it."""
    assert [error.exit_code for error in (BenchError, UsageError, RunError, RefusedInput)] == [4, 2, 3, 3]
    assert [worst_exit(codes) for codes in ([0, 1], [1, 3], [3, 2, 1], [2, 4, 3], [])] == [1, 3, 2, 4, 0]


def test_a_message_has_path_value_legal_values_and_a_guess() -> None:
    text = sentence(path="$.a", what="unknown key", seen="imge", legal=["base", "image"])
    assert text == "$.a: unknown key 'imge'; legal: base, image; did you mean 'image'?"


def write(tmp_path: Path, change: Any) -> Path:
    """The shipped matrix with a change."""
    raw = yaml.safe_load((ROOT / "matrix.yaml").read_text(encoding="utf-8"))
    change(raw)
    path = tmp_path / "matrix.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return path


BAD: list[tuple[str, Any, list[str]]] = [
    ("unknown key", lambda raw: raw["backends"]["tf-cpu"].update(framwork="x"),
     ["$.backends.tf-cpu.framwork", "unknown key 'framwork'", "legal: title, framework", "did you mean 'framework'?"]),
    ("unknown top key", lambda raw: raw.update(preset={}), ["$.preset:", "did you mean 'presets'?"]),
    ("missing key", lambda raw: raw.pop("runs"), ["$.runs: missing"]),
    ("unknown framework", lambda raw: raw["backends"]["tf-cpu"].update(framework="tensorfow"),
     ["$.backends.tf-cpu.framework", "'tensorfow'", "theano", "did you mean 'tensorflow'?"]),
    ("unknown preset of a backend", lambda raw: raw["backends"]["tf-cpu"].update(presets=["defualt"]),
     ["$.backends.tf-cpu.presets[0]", "unknown preset 'defualt'", "did you mean 'default'?"]),
    ("unknown seeding of a backend", lambda raw: raw["backends"]["tf-cpu"].update(seedings=["nunpy"]),
     ["$.backends.tf-cpu.seedings[0]", "unknown value 'nunpy'", "did you mean 'numpy'?"]),
    ("no preset at all", lambda raw: raw["backends"]["tf-cpu"].update(presets=[]),
     ["$.backends.tf-cpu.presets", "at least 1"]),
    ("unknown preset that fails closed", lambda raw: raw.update(fail_closed=["determinstic"]),
     ["$.fail_closed[0]", "unknown preset 'determinstic'", "did you mean 'deterministic'?"]),
    ("a text that is no tunable", lambda raw: raw["presets"].update(old={"glibc_tunables": "-AVX2"}),
     ["$.presets.old.glibc_tunables: '-AVX2'", "legal: tunables of glibc, such as 'glibc.cpu.hwcaps=-AVX2,-FMA'"]),
    ("a number of which some are legal", lambda raw: raw["presets"].update(narrow={"xla_vector_width": 64}),
     ["$.presets.narrow.xla_vector_width: 64", "legal: 128, 256, 512"]),
    ("a hash seed out of range", lambda raw: raw["presets"].update(hashed={"hash_seed": 2**32}),
     ["$.presets.hashed.hash_seed: 4294967296", "at most 4294967295"]),
    ("unknown word for a control", lambda raw: raw["presets"].update(half={"dtype": "float16"}),
     ["$.presets.half.dtype: 'float16'", "legal: float32, float64, extended, mixed_bfloat16"]),
    ("empty yardstick", lambda raw: raw.update(yardstick="*/numpy-refrence/numpy/supplied/extended"),
     ["$.yardstick", "unknown backend 'numpy-refrence'", "did you mean 'numpy-reference'?"]),
    ("unknown backend", lambda raw: raw["default"].insert(0, "mlp/tf2-cpu/full/native/default"),
     ["$.default[0]", "unknown backend 'tf2-cpu'", "legal: theano-cpu, tf1-cpu, theano-1.0", "did you mean 'tf-cpu'"]),
    ("unknown preset", lambda raw: raw["default"].insert(0, "mlp/tf-cpu/full/native/singel-thread"),
     ["$.default[0]", "unknown preset 'singel-thread'", "did you mean 'single-thread'?"]),
    ("unknown control", lambda raw: raw["presets"].update(fast={"intra_op_thread": 1}),
     ["$.presets.fast.intra_op_thread", "legal: intra_op_threads", "did you mean 'intra_op_threads'?"]),
    ("wrong control value", lambda raw: raw["presets"].update(fast={"intra_op_threads": 0}),
     ["$.presets.fast.intra_op_threads: 0", "at least 1"]),
    ("true is no number", lambda raw: raw["presets"].update(fast={"intra_op_threads": True}), ["True", "at least 1"]),
    ("wrong type", lambda raw: raw.update(runs="three"), ["$.runs", "'three'", "integer"]),
    ("unquoted version", lambda raw: raw["backends"]["tf-cpu"].update(python=3.13),
     ["$.backends.tf-cpu.python", "quote it"]),
    ("bad bound", lambda raw: raw["expect"][0].update(at_least="identicl"),
     ["$.expect[0].at_least", "'identicl'", "legal: identical, N ulp, N digits", "did you mean 'identical'?"]),
    ("bad scope", lambda raw: raw["expect"][0].update(scope="runs"), ["$.expect[0].scope", "did you mean 'run'?"]),
    ("empty pattern", lambda raw: raw["expect"][0].update(where="nlp/*"), ["$.expect[0].where", "'nlp/*'"]),
    ("name that is no part", lambda raw: raw["presets"].update({"a/b": {}}), ["$.presets: the name 'a/b'"]),
    ("unknown CPU", lambda raw: raw["emulations"]["haswell-qemu"].update(qemu="Haswel"),
     ["$.emulations.haswell-qemu.qemu: unknown CPU 'Haswel'", "legal: Penryn, Nehalem", "did you mean 'Haswell'?"]),
    ("unknown key of an emulator", lambda raw: raw["emulations"]["haswell-qemu"].update(slowr=2),
     ["$.emulations.haswell-qemu.slowr: unknown key 'slowr'", "legal: qemu, slower", "did you mean 'slower'?"]),
    ("caps beside an emulator", lambda raw: raw["emulations"]["haswell-qemu"].update(OMP_NUM_THREADS="1"),
     ["$.emulations.haswell-qemu.OMP_NUM_THREADS: unknown key"]),
    ("emulator without its factor", lambda raw: raw["emulations"]["haswell-qemu"].pop("slower"),
     ["$.emulations.haswell-qemu.slower: missing"]),
    ("emulator that is faster", lambda raw: raw["emulations"]["haswell-qemu"].update(slower=0.5),
     ["$.emulations.haswell-qemu.slower", "greater than or equal to 1", "seen 0.5"]),
    ("cap that is no text", lambda raw: raw["emulations"]["haswell-caps"].update(OPENBLAS_NUM_THREADS=1),
     ["$.emulations.haswell-caps.OPENBLAS_NUM_THREADS: 1 is a number here", 'quote it: "1"']),
    ("emulation that is a word", lambda raw: raw["emulations"].update(haswell="Haswell"),
     ["$.emulations.haswell", "seen 'Haswell'"]),
    ("unknown architecture", lambda raw: raw["backends"]["numpy-reference"].update(architectures=["aarch46"]),
     ["$.backends.numpy-reference.architectures[0]", "legal: x86_64, aarch64", "did you mean 'aarch64'?"]),
    ("runner without labels", lambda raw: raw["runners"]["hosted"].update(github=[]),
     ["$.runners.hosted.github", "at least 1"]),
    ("label that is none", lambda raw: raw["runners"]["hosted"].update(github=["self-hosted, gpu"]),
     ["$.runners.hosted.github[0]", "'self-hosted, gpu'"]),
    ("unknown key of a runner", lambda raw: raw["runners"]["gpu"].update(label=["x"]),
     ["$.runners.gpu.label: unknown key 'label'", "legal: github, gitlab, accelerator, jobs"]),
    ("unknown cut into jobs", lambda raw: raw["runners"]["gpu"].update(jobs="backends"),
     ["$.runners.gpu.jobs", "did you mean 'backend'?"]),
    ("runner whose name is no label", lambda raw: raw["runners"].update({"Lab_3": raw["runners"]["gpu"]}),
     ["$.runners: the name 'Lab_3'"]),
    ("seed out of range", lambda raw: raw.update(seeds=[2**32]), ["$.seeds[0]", "4294967296"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "wanted"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_named(tmp_path: Path, change: Any, wanted: list[str]) -> None:
    """Path, value, legal values, and a guess where one is near."""
    path = write(tmp_path, change)
    with pytest.raises(UsageError) as caught:
        matrix.load(path)
    for text in (str(path), *wanted):
        assert text in str(caught.value)


def test_all_problems_come_in_one_message(tmp_path: Path) -> None:
    def change(raw: Any) -> None:
        raw["backends"]["tf-cpu"]["framwork"] = "x"
        raw["limits"]["memory"] = 1
        raw["runs"] = 0

    with pytest.raises(UsageError) as caught:
        matrix.load(write(tmp_path, change))
    assert len(str(caught.value).splitlines()) == 4


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    path.write_text((ROOT / "matrix.yaml").read_text(encoding="utf-8") + "\nruns: 5\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the key 'runs' is given twice"):
        matrix.load(path)


@pytest.mark.parametrize("text", ["", "{", "- a", "a: !!python/object:os.system x"])
def test_what_is_no_matrix_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "matrix.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=str(path)):
        matrix.load(path)


@given(st.sampled_from(["identical", "3 ulp", "0 ulp", "3.5 digits", "12 digits", "same-distribution"]))
def test_a_bound_is_its_text(text: str) -> None:
    assert str(Bound.parse(text)) == text


@pytest.mark.parametrize("text", ["", "3", "ulp", "-1 ulp", "1.5 ulp", "same distribution", "3  ulp"])
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        Bound.parse(text)


def test_the_space_has_only_what_can_exist() -> None:
    space = SHIPPED.space()
    assert len(space) == len(set(space))
    assert {cell.seeding for cell in space if cell.init == "supplied"} == {"numpy"}
    assert not [cell for cell in space if cell.backend == "theano-cpu" and cell.seeding in ("full", "keras")]
    for name, backend in SHIPPED.backends.items():
        mine = [cell for cell in space if cell.backend == name]
        assert {cell.preset for cell in mine} == set(backend.presets)
        assert {cell.seeding for cell in mine} == set(backend.seedings)
    assert {one.cell for one in SHIPPED.pool()} <= set(space)


def test_selection_narrows_the_default_and_reaches_the_whole_space() -> None:
    assert {one.cell.backend for one in SHIPPED.select(["mlp/tf*/native/*"])} == {"tf1-cpu", "tf-cpu", "tf-gpu"}
    assert len(SHIPPED.select([], pool="space")) == len(SHIPPED.space())
    with pytest.raises(UsageError, match="but 3 of the whole space: add --all"):
        SHIPPED.select(["mlp/tf1-cpu/*/native/inter-8"])
    with pytest.raises(UsageError, match="no cell at all"):
        SHIPPED.select(["mlp/cntk/*"])


def test_runs_go_index_by_index_and_seeds_are_the_tutorials() -> None:
    """An interrupted campaign has something of every cell; seed 1 is NumPy 1, backend 2."""
    runs = plan.plan(SHIPPED, campaign="x", only=["mlp/tf1-cpu/*"], runs=2, seeds=[1, 5])
    count = len(SHIPPED.select(["mlp/tf1-cpu/*"]))
    assert [run.index for run in runs] == [0] * 2 * count + [1] * 2 * count
    assert {(run.seeds.numpy, run.seeds.backend, run.seeds.keras) for run in runs} == {(1, 2, 1), (5, 6, 5)}


def test_a_job_says_everything_the_guest_needs() -> None:
    run = plan.plan(SHIPPED, campaign="x", only=["mlp/tf1-cpu/full/native/single-thread"])[0]
    assert run.job() == {
        "schema": 1, "cell": "mlp/tf1-cpu/full/native/single-thread", "workload": "mlp", "backend": "tf1-cpu",
        "framework": "tensorflow", "accelerator": "cpu", "seeding": "full", "init": "native", "preset": "single-thread",
        "controls": {"intra_op_threads": 1, "inter_op_threads": 1}, "fail_closed": False,
        "seeds": {"numpy": 1, "backend": 2, "keras": 1}, "repeats": 10, "epochs": 100, "trace": "epochs"}  # fmt: skip
