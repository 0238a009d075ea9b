"""The training tasks. One file and one line of the table each."""
from __future__ import absolute_import, division, print_function

import importlib

#: name in a cell -> (module of this folder, class). The host reads this table, and each module's TENSORS and MASKS,
#: as text: they are literals.
WORKLOADS = {
    "mlp": ("mlp", "Mlp"),
    "mlp-wide": ("mlp_wide", "MlpWide"),
    "dropout": ("dropout", "Dropout"),
    "embedding": ("embedding", "Embedding"),
    "cnn": ("cnn", "Cnn"),
    "lstm": ("lstm", "Lstm"),
    "gru": ("gru", "Gru"),
    "transformer": ("transformer", "Transformer"),
    "scatter": ("scatter", "Scatter"),
    "optimizer-sgd": ("optimizers", "Sgd"),
    "optimizer-rmsprop": ("optimizers", "RMSprop"),
    "optimizer-adam": ("optimizers", "Adam"),
    "optimizer-adamw": ("optimizers", "AdamW"),
}


def load(name):
    """The workload of that name; KeyError names the legal ones."""
    if name not in WORKLOADS:
        raise KeyError("unknown workload %r; legal: %s" % (name, ", ".join(sorted(WORKLOADS))))
    module, kind = WORKLOADS[name]
    return getattr(importlib.import_module("." + module, __name__), kind)(name)
