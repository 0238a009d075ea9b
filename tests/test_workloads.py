"""Workloads on real backends: one start and one set of data everywhere, equations as stated, and recording that moves
no bit whatever it keeps."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from sklearn.datasets import load_digits

from bench import campaign, comparison, plan, supplied
from bench.bound import Bound
from bench.campaign import Settings
from bench.digests import array_digest, sha256
from bench.executors.docker import DockerExecutor
from bench.records import Repeat, Workload, read_array
from bench.store import Store, Stored
from tests.engines import SHIPPED, connect
from tests.test_docker import Quiet

pytestmark = pytest.mark.docker

#: One workload whose equations are the same everywhere, and those that have several forms of something.
ALIGNED = "gru"
UNALIGNED = {  # the key, and two backends that have it otherwise
    "cnn": ("batchnormalization.moving_variance", "tf1.15-cpu", "tf-cpu"),
    "embedding": ("embedding.squared_gradient", "jax-cpu", "tf-cpu"),
    "lstm": ("lstm.output", "theano-1.0", "cntk-cpu"),
    "optimizer-rmsprop": ("rmsprop.step", "theano-1.0", "tf-cpu"),
}
BACKENDS = tuple(
    name for name, one in SHIPPED.backends.items() if one.accelerator == "cpu" and one.framework != "numpy"
)
#: Of layers that Keras 3 alone has.
NEW = ("transformer", "scatter")
KERAS_3 = ("tf-cpu", "jax-cpu", "torch-cpu")

Lane = Mapping[tuple[str, str], Stored]


def run(folder: Path, cells: list[str], traces: tuple[str, ...], count: int = 1) -> list[Stored]:
    """`count` runs of each cell at each trace level, the levels in turn, and what became of them. Two at a time: no
    promise that is tested here is one for an idle machine."""
    planned = [
        plan.plan(SHIPPED, campaign=trace, only=cells, pool="space", runs=count, trace=trace) for trace in traces
    ]
    store = Store(folder)
    campaign.execute(
        [one for turn in zip(*planned, strict=True) for one in turn],
        executor=DockerExecutor(connect(), limits=SHIPPED.limits),
        store=store,
        settings=Settings(machine="test", jobs=2),
        listener=Quiet(),
    )
    return [one for one in store.scan() if isinstance(one, Stored)]


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Lane:
    """One run of each workload on each backend from supplied weights, its first batch replayed."""
    made = [(name, backend) for name in (ALIGNED, *UNALIGNED) for backend in BACKENDS]
    made += [(name, backend) for name in NEW for backend in KERAS_3]
    cells = [f"{name}/{backend}/numpy/supplied/ordered" for name, backend in made]
    found = run(tmp_path_factory.mktemp("lane"), cells, ("layers",))
    assert [one.record.reason for one in found if not one.record.ok] == []
    return {(parts[0], parts[1]): one for one in found for parts in [one.record.run.cell.split("/")]}


def first(one: Stored) -> Repeat:
    assert one.record.outcome is not None
    return one.record.outcome.repeats[0]


def stated(one: Stored) -> Workload:
    assert one.record.outcome is not None
    assert one.record.outcome.workload is not None
    return one.record.outcome.workload


@pytest.mark.parametrize("workload", [ALIGNED, *UNALIGNED])
def test_all_backends_start_from_one_set_of_bits(lane: Lane, workload: str) -> None:
    """Initial weights by digest, under the names that the workload declares; data and masks too."""
    names = [name for name, _, _ in supplied.declared(workload).tensors]
    found = [lane[workload, backend] for backend in BACKENDS]
    assert all([array.name for array in first(one).initial_weights] == names for one in found)
    assert len({tuple(array.sha256 for array in first(one).initial_weights) for one in found}) == 1
    assert len({tuple(sorted(stated(one).data.items())) for one in found}) == 1


def end(one: Repeat) -> str:
    """The digest of the final weights together, which Keras's own `get_weights` gave."""
    return sha256("".join(array.sha256 for array in one.final_weights).encode("ascii"))


def test_the_weights_of_the_last_epoch_are_those_of_the_end(lane: Lane) -> None:
    """They are read another way on the way; normalisation has weights that are not trained, whose place can differ."""
    for (workload, backend), one in lane.items():
        digests = first(one).epoch_digests
        assert digests is not None
        assert digests[-1] == end(first(one)), f"{workload} on {backend}"


def test_an_aligned_workload_differs_by_rounding_alone(lane: Lane) -> None:
    bound = Bound(kind="digits", limit=4)
    for backend in BACKENDS[1:]:
        found = comparison.compare(lane[ALIGNED, BACKENDS[0]], lane[ALIGNED, backend], "backend", bound)
        assert found.verdict in ("ROUNDING", "IDENTICAL"), f"{backend}: {found.reason or found.measures}"


def test_the_first_layer_that_differs_is_named(lane: Lane) -> None:
    """Two Keras 3 backends start alike, and what parts them is a layer with its place."""
    found = comparison.compare(lane["gru", "jax-cpu"], lane["gru", "torch-cpu"], "backend")
    assert found.divergence is not None
    assert (found.divergence.stage, found.divergence.replayed) == ("forward", True)
    assert found.divergence.tensor in ("1.gru", "2.dense")


@pytest.mark.parametrize("workload", UNALIGNED)
def test_equations_that_cannot_be_aligned_are_incomparable_and_named(lane: Lane, workload: str) -> None:
    key, one, other = UNALIGNED[workload]
    found = comparison.compare(lane[workload, one], lane[workload, other], "backend")
    assert found.verdict == "INCOMPARABLE"
    assert [one.key for one in found.differences] == [f"hyperparameters.{key}"]


def update(one: Stored, name: str) -> NDArray[np.float64]:
    replay = first(one).replay
    assert replay is not None
    array = next(array for array in replay.updates if array.name == name)
    return read_array(array, one.content).astype(np.float64)


def convolved(one: Stored, *, updated: bool) -> NDArray[np.float64]:
    """What the convolution gives for the first batch, written out: by the initial weights, or the updated ones."""
    kernel, bias = (read_array(array, one.content).astype(np.float64) for array in first(one).initial_weights[:2])
    if updated:
        kernel, bias = kernel + update(one, "1.conv2d/kernel"), bias + update(one, "1.conv2d/bias")
    if stated(one).hyperparameters["conv2d.kernel"] == "kernel[::-1, ::-1]":
        kernel = kernel[::-1, ::-1]
    windows = sliding_window_view(load_digits().data[:32].reshape(32, 8, 8) / 16, (3, 3), axis=(1, 2))
    values: NDArray[np.float64] = np.maximum(np.einsum("nyxij,ijc->nyxc", windows, kernel[:, :, 0]) + bias, 0)
    return values


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_moving_variance_is_estimated_as_stated(lane: Lane, backend: str) -> None:
    """From what the convolution gave for the first batch, by the equation that the record states."""
    one = lane["cnn", backend]
    replay = first(one).replay
    assert replay is not None
    values = read_array(replay.activations[0], one.content).astype(np.float64)
    assert values.ndim == 4
    known = {
        "v": values.var(axis=(0, 1, 2)),
        "v_after": convolved(one, updated=True).var(axis=(0, 1, 2)),
        "n": values[..., 0].size,
        "epsilon": 1e-3,
    }
    assert values == pytest.approx(convolved(one, updated=False), abs=1e-5)
    text = stated(one).hyperparameters["batchnormalization.moving_variance"]
    expected = eval(re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", text), known)
    # The new moving variance is 0.99 times the old, which is 1, and 0.01 of this batch's.
    assert update(one, "2.batchnormalization/moving_variance") == pytest.approx(0.01 * (expected - 1), rel=2e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_step_of_rmsprop_is_the_one_stated(lane: Lane, backend: str) -> None:
    """From the gradient of the mean squared error of a linear network, written out."""
    one = lane["optimizer-rmsprop", backend]
    kernel, bias, out, last = (
        read_array(array, one.content).astype(np.float64) for array in first(one).initial_weights
    )
    x, y = np.arange(9)[:, None] / 10, np.arange(1, 10)[:, None] / 10
    hidden = x @ kernel + bias
    slope = 2 * (hidden @ out + last - y) / 9
    g = ((slope @ out.T) * x).sum(axis=0)
    text = stated(one).hyperparameters["rmsprop.step"]
    step = eval(text, {"g": g, "v": 0.1 * g * g, "epsilon": 1e-7, "sqrt": np.sqrt})
    other = eval(
        next(form for form in ("g / (sqrt(v) + epsilon)", "g / sqrt(v + epsilon)") if form != text),
        {"g": g, "v": 0.1 * g * g, "epsilon": 1e-7, "sqrt": np.sqrt},
    )
    seen = -update(one, "0.dense/kernel").reshape(-1) / 0.001
    assert np.abs(seen - step).max() < np.abs(seen - other).max()
    assert seen == pytest.approx(step, rel=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_embeddings_gradient_is_squared_as_stated(lane: Lane, backend: str) -> None:
    """From the first update of Adam, with the gradient of the mean of words, a mask and a sigmoid written out."""
    one = lane["embedding", backend]
    weights, kernel, bias = (read_array(array, one.content).astype(np.float64) for array in first(one).initial_weights)
    words, labels, mask = embedding_batch(one)
    mean = weights[words].mean(axis=1) * mask
    slope = (1 / (1 + np.exp(-(mean @ kernel + bias))) - labels) / len(words) * kernel.T * mask / words.shape[1]
    places = np.repeat(slope[:, None, :], words.shape[1], axis=1)
    sums, squares = np.zeros_like(weights), np.zeros_like(weights)
    np.add.at(sums, words, places)
    np.add.at(squares, words, places**2)
    forms = {"sum_p(g_p) ** 2": sums**2, "sum_p(g_p ** 2)": squares}
    square = forms[stated(one).hyperparameters["embedding.squared_gradient"]]
    small = 1e-7 * np.sqrt(2.0**10)
    expected = -0.001 * sums / (np.sqrt(square) + small)
    seen = update(one, "1.embedding/embeddings")
    assert seen == pytest.approx(expected, rel=1e-3, abs=1e-7)
    assert np.abs(forms["sum_p(g_p) ** 2"] - forms["sum_p(g_p ** 2)"]).max() > 0.1 * square.max()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_lstm_gives_what_is_stated(lane: Lane, backend: str) -> None:
    """From the initial weights, with its equations written out: gates i, f, the new cell, o."""
    one = lane["lstm", backend]
    replay = first(one).replay
    assert replay is not None
    kernel, recurrent, bias = (
        read_array(array, one.content).astype(np.float64) for array in first(one).initial_weights[:3]
    )
    rows = load_digits().data[:32].reshape(32, 8, 8) / 16
    h = c = np.zeros((32, 16))
    for step in range(8):
        i, f, new, o = np.split(rows[:, step] @ kernel + h @ recurrent + bias, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(new)
        h = o * np.tanh(c)
    seen = read_array(replay.activations[0], one.content)
    assert seen == pytest.approx({"c": c, "o * tanh(c)": h}[stated(one).hyperparameters["lstm.output"]], abs=1e-5)
    assert np.abs(c - h).max() > 0.1


def embedding_batch(one: Stored) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Words, classes and mask of the first batch: drawn here as the guest draws them, digests and all."""
    random = np.random.RandomState(2017)
    labels = random.randint(0, 2, 256)
    words = random.randint(0, 100, (256, 20))
    words += (random.random_sample((256, 20)) < 0.35 + 0.3 * labels[:, None]) * 100
    raw = words.astype("<f4")
    assert array_digest("<f4", raw.shape, raw.tobytes()) == stated(one).data["X"]
    mask = dict(supplied.draw("embedding", 1, 2).masks)["mask"][0]
    return words[:32], labels[:32, None].astype(np.float64), mask[:32].astype(np.float64)


def test_a_keras_without_the_layers_says_so(tmp_path: Path) -> None:
    cells = [f"{name}/tf1-cpu/numpy/supplied/ordered" for name in ("transformer", "scatter", "optimizer-adamw")]
    found = run(tmp_path, cells, ("epochs",))
    assert {one.record.run.cell.split("/")[0]: one.record.reason for one in found} == {
        "transformer": "Keras 2.0.3 has no keras.layers.MultiHeadAttention, keras.layers.LayerNormalization, "
        "which transformer needs",
        "scatter": "Keras 2.0.3 has no keras.ops.segment_sum, which scatter needs",
        "optimizer-adamw": "Keras 2.0.3 has no keras.optimizers.AdamW, which optimizer-adamw needs",
    }
    assert {one.record.status for one in found} == {"unavailable"}


#: A cell of each backend that repeats itself and draws weights, order and dropout itself.
REPEATABLE = {
    "theano-cpu": "numpy/native/default",
    "theano-1.0": "numpy/native/default",
    "tf1-cpu": "full/native/ordered-8",
    "tf1.15-cpu": "full/native/ordered",
    "cntk-cpu": "full/native/ordered",
    "tf-cpu": "keras/native/default",
    "jax-cpu": "keras/native/default",
    "torch-cpu": "keras/native/default",
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_trace_level_moves_a_bit(backend: str, tmp_path: Path) -> None:
    """A network with dropout, shuffled by Keras: whatever is kept, the results are the same, and so is the path."""
    levels = ("scores", "epochs", "full")  # all that `steps` and `layers` do, `full` does
    found = run(tmp_path, [f"dropout/{backend}/{REPEATABLE[backend]}"], levels)
    assert [one.record.reason for one in found if not one.record.ok] == []
    assert len(found) == len(levels)
    outcomes = [one.record.outcome for one in found]
    assert len({outcome.result_digest for outcome in outcomes if outcome}) == 1
    paths = {first(one).path() for one in found} - {None}
    assert len(paths) == 1
    kept = {one.record.run.campaign: first(one) for one in found}
    steps, replay = kept["full"].steps, kept["full"].replay
    assert steps is not None
    assert replay is not None
    assert len(steps.digests) == 8 * SHIPPED.file.workloads["dropout"].epochs
    final = end(kept["full"])
    assert steps.digests[-1] == final
    for level in ("epochs", "full"):
        digests = kept[level].epoch_digests
        assert digests is not None
        assert digests[-1] == final, level


def test_where_runs_differ_no_trace_level_moves_their_distribution(tmp_path: Path) -> None:
    """TensorFlow 1 with eight operations at a time gives other scores every time; those of runs that keep every step
    are drawn from one distribution with those of runs that keep nothing (a rank test a fit, Holm-corrected)."""
    count = 8
    scores: dict[str, list[tuple[float, ...]]] = {"scores": [], "steps": []}
    for one in run(tmp_path, ["mlp/tf1-cpu/full/native/inter-8"], tuple(scores), count):
        assert one.record.outcome is not None
        scores[one.record.run.campaign].append(one.record.outcome.scores)
    assert {len(runs) for runs in scores.values()} == {count}
    assert len({run for runs in scores.values() for run in runs}) > count  # they do differ
    columns = zip(*(zip(*scores[trace], strict=True) for trace in ("scores", "steps")), strict=True)
    p = sorted(float(mannwhitneyu(*column).pvalue) for column in columns)
    assert min(value * (len(p) - place) for place, value in enumerate(p)) > 0.001, p
