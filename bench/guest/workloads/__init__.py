"""The training tasks. One file and one line of the table each."""
from __future__ import absolute_import, division, print_function

import importlib

#: name in a cell -> module of this folder. A module gives `data()`, `build(keras, supplied)`,
#: `fit(model, data, epochs, supplied, callbacks)`, `predict(model, data)`, `score(data, predictions)`,
#: `SCORE` (its name), `STEPS_PER_EPOCH` and `HYPERPARAMETERS` (those of the supplied lane).
WORKLOADS = {
    "mlp": "mlp",
}


def load(name):
    """The module of a workload; KeyError names the legal ones."""
    if name not in WORKLOADS:
        raise KeyError("unknown workload %r; legal: %s" % (name, ", ".join(sorted(WORKLOADS))))
    return importlib.import_module("." + WORKLOADS[name], __name__)
