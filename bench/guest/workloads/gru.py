"""A recurrent classifier that reads digits row by row: one layer of gated recurrent units.

GRU exists in every Keras. Today it applies the reset gate after the product with the recurrent kernel, in Keras 2.0.3
before it; the supplied lane states the latter (`reset_after=False`), which all of them have, and the sigmoid.
"""
from __future__ import absolute_import, division, print_function

from .. import datasets, models
from .base import ADAM, Workload

TENSORS = (
    ("1.gru/kernel", (8, 48), "glorot"),
    ("1.gru/recurrent_kernel", (16, 48), "glorot"),
    ("1.gru/bias", (48,), "zeros"),
    ("2.dense/kernel", (16, 10), "glorot"),
    ("2.dense/bias", (10,), "zeros"),
)


class Gru(Workload):
    def data(self):
        """X of shape (128, 8, 8): samples, rows, pixels of a row; y (128, 10); float32."""
        images, classes = datasets.digits(128)
        return {"X": images, "y": classes}

    def build(self, keras, supplied):
        layers = keras.layers
        start = layers.Input(shape=(8, 8))
        stated = models.recurrent(layers.GRU) if supplied else {}
        value = layers.GRU(16, **stated)(start)
        value = layers.Dense(10, activation="softmax")(value)
        return models.classifier(keras, start, value, ADAM, supplied)
