"""The tutorial's network under other optimizers, one workload each: SGD, RMSprop, Adam, AdamW.

Keras 2 has no AdamW. Its RMSprop adds epsilon to the root of the mean square, today's adds it under the root: the
two are different equations, and a comparison across them is INCOMPARABLE (`guest/equations.py`).
"""
from __future__ import absolute_import, division, print_function

from .mlp import ADAM, Mlp

TENSORS = (
    ("0.dense/kernel", (1, 10), "glorot"),
    ("0.dense/bias", (10,), "zeros"),
    ("1.dense/kernel", (10, 1), "glorot"),
    ("1.dense/bias", (1,), "zeros"),
)


class Variant(Mlp):
    reference = None  # the yardstick is Adam's, of the workload `mlp`


class Sgd(Variant):
    OPTIMIZER = {"optimizer": "SGD", "learning_rate": 0.01, "momentum": 0.9}


class RMSprop(Variant):
    OPTIMIZER = {"optimizer": "RMSprop", "learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7}


class Adam(Variant):
    OPTIMIZER = ADAM


class AdamW(Variant):
    NEEDS = ("optimizers.AdamW",)
    OPTIMIZER = dict(ADAM, optimizer="AdamW", weight_decay=0.004)
