#!/usr/bin/env python3
"""What recording costs: the fit time of trace level `epochs` (and others) over that of `scores`, in a backend's image.

Pairs of fits in one process, in turn first and second, so that what the machine does besides falls on both. Prints a
Markdown table: the median of the ratios and a 95 % interval for it from order statistics (H. A. David and
H. N. Nagaraja, Order Statistics, 3rd edition 2003, section 7.1), which assumes nothing of their distribution.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from scipy.stats import binom

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.matrix import Matrix  # noqa: E402
from tests.engines import SHIPPED, built, connect, run_python  # noqa: E402

BACKENDS = ("theano-cpu", "tf1-cpu", "tf1.15-cpu", "tf-cpu", "jax-cpu", "torch-cpu")
TENSORFLOW_1 = ("tf1-cpu", "tf1.15-cpu")
WORKLOADS = ("mlp", "mlp-wide", "cnn")

#: Runs in the image, beside the guest: alternates levels and prints the fit times.
MEASURE = """
import json, os, sys
sys.path.insert(0, "/opt/bench")
from guest import frameworks, training, workloads
job, pairs, levels = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(",")
framework = frameworks.named(job["framework"])
os.environ["KERAS_BACKEND"] = str(job["framework"])
framework.prepare(job["controls"], "cpu", "/bench/scratch/compiled")
framework.configure(job["controls"])
keras = framework.keras()
workload = workloads.load(job["workload"])
data = workload.data()
reader = framework.reader

def idle(model):
    values, session = reader(model)(), keras.backend.get_session()
    operation = next(one for layer in model.layers for one in layer.weights).op
    if hasattr(session, "make_callable"):
        call = session.make_callable([operation])
    else:
        from tensorflow.python.framework import errors
        from tensorflow.python.pywrap_tensorflow import TF_Run
        name = operation.name.encode("ascii")

        def call():
            with errors.raise_exception_on_not_ok_status() as status:
                TF_Run(session._session, None, {}, [], [name], status, None)

    def read():
        call()
        return values

    return read

times = dict((level, []) for level in levels)
for pair in range(pairs + 1):
    # TensorFlow 1 has one graph a process, which grows with each model. A run makes ten at most, and so do five pairs.
    if pair % 5 == 0 and framework.name == "tensorflow":
        keras.backend.clear_session()
    for level in levels if pair % 2 else levels[::-1]:
        framework.reader = idle if level == "idle" else reader
        asked = dict(job, trace="epochs" if level == "idle" else level)
        fit, _ = training.fit_once(framework, keras, workload, data, asked, None, None)
        if pair:  # the first pair compiles and loads
            times[level].append(fit.times["fit"])
print("TIMES " + json.dumps(times))
"""


def measured(matrix: Matrix, backend: str, workload: str, pairs: int, level: str) -> dict[str, list[float]]:
    """Fit times in seconds, by level, pair by pair."""
    job = {"framework": matrix.backends[backend].framework, "workload": workload, "controls": {}, "init": "native",
           "epochs": matrix.file.workloads[workload].epochs}  # fmt: skip
    engine = connect()
    words = ["/bench/job/measure.py", json.dumps(job), str(pairs), f"scores,{level}"]
    code, output = run_python(engine, built(engine, backend), words, {"measure.py": MEASURE.encode()})
    line = next((line for line in output.splitlines() if line.startswith("TIMES ")), None)
    if code or line is None:
        raise SystemExit(f"{backend}, {workload}: exit code {code}\n{output[-2000:]}")
    found: dict[str, list[float]] = json.loads(line.removeprefix("TIMES "))
    return found


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The narrowest pair of order statistics, equally far from both ends, that covers the median in 95 % of samples."""
    ordered, count = sorted(values), len(values)
    low = max(0, int(binom.ppf(0.025, count, 0.5)) - 1)
    return ordered[low], ordered[count - 1 - low]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument(
        "--level",
        default="epochs",
        help="a trace level, or `idle`: after each epoch a call of TensorFlow 1's session that reads nothing, which is "
        "the least that any reading of its weights costs (default: epochs)",
    )
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, help="default: all, for `idle` those of TensorFlow 1")
    parser.add_argument("--workload", nargs="+", default=WORKLOADS)
    arguments = parser.parse_args()
    legal = TENSORFLOW_1 if arguments.level == "idle" else BACKENDS
    backends = arguments.backend or legal
    if not set(backends) <= set(legal):
        parser.error(
            f"--level idle is of TensorFlow 1's session: --backend {' '.join(backends)}, legal {' '.join(legal)}"
        )
    print(f"| workload | backend | fit, s | `{arguments.level}` costs, % | 95 % interval, % |")
    print("| --- | --- | ---: | ---: | ---: |")
    for workload in arguments.workload:
        for backend in backends:
            times = measured(SHIPPED, backend, workload, arguments.pairs, arguments.level)
            pairs = zip(times["scores"], times[arguments.level], strict=True)
            ratios = [100 * (more / less - 1) for less, more in pairs]
            low, high = interval(ratios)
            cost, fit = statistics.median(ratios), statistics.median(times["scores"])
            print(f"| {workload} | {backend} | {fit:.3f} | {cost:.1f} | {low:.1f} to {high:.1f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
