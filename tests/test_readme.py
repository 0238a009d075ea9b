"""What README.md and docs/ show is what the committed records say."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import analysis, bundle, classes, index, matrix, published, resources
from bench.analysis import Analysis
from bench.groups import Group
from bench.store import Store

ROOT = Path(__file__).resolve().parent.parent


def analysed(name: str, tmp_path: Path) -> Analysis:
    """The analysis of a committed bundle."""
    store = Store(tmp_path / "store")
    collected = bundle.collect(ROOT / "docs" / "examples" / name, store)
    assert collected.new > 0
    assert collected.refused == ()
    references = published.load(resources.find("reference") / "published.yaml")
    return analysis.analyse(store.scan(), matrix.load(resources.find("matrix.yaml")), references)


def test_readme_shows_the_report_of_the_example_bundle() -> None:
    """The output block of README.md is what the command prints today."""
    done = subprocess.run([sys.executable, ROOT / "scripts" / "readme", "--check"], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def tutorial(tmp_path: Path) -> Analysis:
    return analysed("tutorial-tensorflow.zip", tmp_path)


def of(found: Analysis, preset: str) -> Group:
    return next(group for group in found.groups if group.cell.preset == preset)


def test_the_published_tensorflow_numbers_are_one_draw(tutorial: Analysis) -> None:
    """A hundred runs of the recipe all differ, and the published vector lies in their range at 10 of 10 positions."""
    lane = next(one for one in tutorial.published if one.group.cell.preset == "inter-8")
    assert (len(lane.group.runs), len(lane.group.classes)) == (100, 100)
    assert lane.inside == 10
    single = next(one for one in tutorial.published if one.group.cell.preset == "single-thread")
    assert single.inside == 0
    sentences = [one.sentence for one in tutorial.findings]
    assert any("inter-8" in sentence and "one draw from a distribution" in sentence for sentence in sentences)
    document = (ROOT / "docs" / "tutorial-tensorflow.md").read_text(encoding="utf-8")
    assert "one draw from a distribution" in document


def test_ordered_updates_make_the_recipe_repeat(tutorial: Analysis) -> None:
    """Eight operations at a time, but no weight updated before all gradients are there: all runs agree."""
    group = of(tutorial, "ordered-8")
    assert (len(group.runs), len(group.classes), group.verdict) == (100, 1, "IDENTICAL")


#: The machines of docs/examples/machines.zip.
NATIVE, HASWELL, NEHALEM = "lab", "lab as haswell-caps", "lab as nehalem-caps"
QEMU_HASWELL, QEMU_NEHALEM, QEMU_EPYC, QEMU_ARM = (
    f"lab as {name}-qemu" for name in ("haswell", "nehalem", "epyc", "neoverse")
)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[frozenset[str]]]:
    """Cell of the example -> its classes of machines."""
    store = Store(tmp_path_factory.mktemp("machines") / "store")
    bundle.collect(ROOT / "docs" / "examples" / "machines.zip", store)
    found = classes.splits(index.refresh(store))
    return {one.subject.split()[0]: {frozenset(each.machines) for each in one.classes} for one in found}


def test_caps_are_in_one_class_with_the_emulated_cpu_where_numpy_computes(
    machines: dict[str, set[frozenset[str]]],
) -> None:
    """In float64 the caps of a Haswell and of a Nehalem give the bits that NumPy gives on QEMU's; the machine itself,
    with AVX-512, is apart. Extended precision, which is x87's, no cap and no emulator of an x86-64 changes."""
    assert machines["mlp/numpy-reference/numpy/supplied/float64"] == {
        frozenset({NATIVE}), frozenset({HASWELL, QEMU_HASWELL, QEMU_EPYC}), frozenset({NEHALEM, QEMU_NEHALEM}),
        frozenset({QEMU_ARM})}  # fmt: skip
    extended = machines["mlp/numpy-reference/numpy/supplied/extended"]
    assert extended == {
        frozenset({NATIVE, HASWELL, NEHALEM, QEMU_HASWELL, QEMU_NEHALEM, QEMU_EPYC}),
        frozenset({QEMU_ARM}),
    }


def test_no_cap_makes_pytorch_or_tensorflow_a_haswell(machines: dict[str, set[frozenset[str]]]) -> None:
    """The caps of a Haswell change nothing here, and QEMU's Haswell ends with other bits. JAX stays the same with AVX2.
    It refuses a CPU without AVX, and TensorFlow dies on one, which caps cannot show."""
    for preset in ("ordered", "float64"):
        torch = machines[f"mlp/torch-cpu/numpy/supplied/{preset}"]
        assert {frozenset({NATIVE, HASWELL}), frozenset({QEMU_HASWELL})} < torch
        jax = machines[f"mlp/jax-cpu/numpy/supplied/{preset}"]
        assert jax == {frozenset({NATIVE, HASWELL, QEMU_HASWELL, QEMU_EPYC}), frozenset({NEHALEM})}
    tensorflow = machines["mlp/tf-cpu/numpy/supplied/ordered"]
    assert {frozenset({NATIVE, HASWELL}), frozenset({QEMU_HASWELL, QEMU_EPYC})} < tensorflow
    page = (ROOT / "docs" / "machines.md").read_text(encoding="utf-8")
    assert "This version of jaxlib was built using AVX instructions" in page
    assert "exit code 132 (Illegal instruction)" in page


def test_the_distances_to_the_yardstick_are_those_of_the_example(tmp_path: Path) -> None:
    """What README.md says of each backend's precision, in float32 and in float64."""
    errors = {one.group.cell: one.weights for one in analysed("matrix.zip", tmp_path).precision}
    ordered = {cell.backend: error for cell, error in errors.items() if cell.preset == "ordered"}
    float64 = {cell.backend: error for cell, error in errors.items() if cell.preset == "float64"}
    assert len(ordered) == 8
    assert max(ordered.values()) < 6e-6
    assert max(float64[name] for name in ("tf1-cpu", "tf1.15-cpu", "theano-cpu", "theano-1.0")) < 3e-15
    assert float64["jax-cpu"] < 2e-13
    assert float64["torch-cpu"] < 6e-8
    assert float64["tf-cpu"] > 0.9 * ordered["tf-cpu"]


def test_every_workload_starts_alike_on_every_backend_that_has_its_layers(tmp_path: Path) -> None:
    """Supplied weights, by digest; and where no first layer or update is named, an equation is."""
    lanes: dict[str, dict[str, Group]] = {}
    found = analysed("workloads.zip", tmp_path)
    for group in found.groups:
        if group.cell.init == "supplied":
            lanes.setdefault(group.cell.workload, {})[group.cell.backend] = group
    assert set(lanes) == set(resources.workloads()) - {"mlp-wide"}
    for workload, lane in lanes.items():
        outcomes = [one.first.record.outcome for one in lane.values()]
        starts = {tuple(array.sha256 for array in fit.repeats[0].initial_weights) for fit in outcomes if fit}
        assert len(starts) == 1, workload
        assert len(lane) == (3 if workload in ("transformer", "scatter", "optimizer-adamw") else 8), workload
    for pair in found.backends:
        if pair.verdict == "INCOMPARABLE":
            assert all(one.key.startswith("hyperparameters.") for one in pair.differences)
        else:
            assert pair.measures is not None
            assert pair.measures.same_init is ("/supplied/" in pair.left.record.run.cell)
    page = (ROOT / "docs" / "workloads.md").read_text(encoding="utf-8")
    assert "lstm.output: o \\* tanh(c) and c" in page or "lstm.output: c and o \\* tanh(c)" in page
