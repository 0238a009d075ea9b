"""A recurrent classifier that reads digits row by row: one layer of gated recurrent units.

GRU exists in every Keras. Today it applies the reset gate after the product with the recurrent kernel, in Keras 2.0.3
before it; the supplied lane states the latter (`reset_after=False`), which all of them have, and the sigmoid.
"""
from __future__ import absolute_import, division, print_function

from .lstm import Lstm

TENSORS = (
    ("1.gru/kernel", (8, 48), "glorot"),
    ("1.gru/recurrent_kernel", (16, 48), "glorot"),
    ("1.gru/bias", (48,), "zeros"),
    ("2.dense/kernel", (16, 10), "glorot"),
    ("2.dense/bias", (10,), "zeros"),
)


class Gru(Lstm):
    LAYER = "GRU"
