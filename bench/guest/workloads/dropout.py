"""A classifier of digits with dropout. In the supplied lane its masks are inputs, drawn by the bench.

Dropout exists in every Keras.
"""
from __future__ import absolute_import, division, print_function

from .. import datasets, models
from .base import ADAM, Workload

TENSORS = (
    ("1.dense/kernel", (64, 64), "glorot"),
    ("1.dense/bias", (64,), "zeros"),
    ("4.dense/kernel", (64, 10), "glorot"),
    ("4.dense/bias", (10,), "zeros"),
)
MASKS = (("mask", (256, 64), 0.5),)


class Dropout(Workload):
    MASKS = MASKS

    def data(self):
        """X of shape (256, 64), y (256, 10), float32."""
        images, classes = datasets.digits(256)
        return {"X": images.reshape(-1, 64), "y": classes}

    def build(self, keras, supplied):
        layers = keras.layers
        start = layers.Input(shape=(64,))
        value = layers.Dense(64, activation="relu")(start)
        value, masks = models.dropout(keras, value, 0.5, (64,), supplied)
        value = layers.Dense(10, activation="softmax")(value)
        return models.classifier(keras, [start] + masks, value, ADAM, supplied)
