"""A recurrent classifier that reads digits row by row: one layer of long short-term memory.

LSTM exists in every Keras. Its recurrent activation is the hard sigmoid in Keras 2.0.3, of another slope than that of
Keras 3, and the sigmoid today; the supplied lane states the sigmoid. On CNTK the layer gives its cell and not its
output (`guest/equations.py`), so that a comparison with it is INCOMPARABLE.
"""
from __future__ import absolute_import, division, print_function

from .. import datasets, models
from .base import ADAM, Workload

TENSORS = (
    ("1.lstm/kernel", (8, 64), "glorot"),
    ("1.lstm/recurrent_kernel", (16, 64), "glorot"),
    ("1.lstm/bias", (64,), "zeros"),
    ("2.dense/kernel", (16, 10), "glorot"),
    ("2.dense/bias", (10,), "zeros"),
)


class Lstm(Workload):
    LAYER = "LSTM"

    def data(self):
        """X of shape (128, 8, 8): samples, rows, pixels of a row; y (128, 10); float32."""
        images, classes = datasets.digits(128)
        return {"X": images, "y": classes}

    def build(self, keras, supplied):
        layers = keras.layers
        start = layers.Input(shape=(8, 8))
        kind = getattr(layers, self.LAYER)
        value = kind(16, **(models.recurrent(kind) if supplied else {}))(start)
        value = layers.Dense(10, activation="softmax")(value)
        return models.classifier(keras, start, value, ADAM, supplied)
