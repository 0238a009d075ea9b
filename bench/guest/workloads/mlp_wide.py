"""A wide multilayer perceptron, 256-512-512-10, on generated clusters: products that are spread over threads.

Dense exists in every Keras.
"""
from __future__ import absolute_import, division, print_function

from .. import datasets, models
from .base import ADAM, Workload

TENSORS = (
    ("1.dense/kernel", (256, 512), "glorot"),
    ("1.dense/bias", (512,), "zeros"),
    ("2.dense/kernel", (512, 512), "glorot"),
    ("2.dense/bias", (512,), "zeros"),
    ("3.dense/kernel", (512, 10), "glorot"),
    ("3.dense/bias", (10,), "zeros"),
)


class MlpWide(Workload):
    def data(self):
        """X of shape (512, 256), y (512, 10), float32."""
        points, classes = datasets.clusters(512, 256, 10)
        return {"X": points, "y": classes}

    def build(self, keras, supplied):
        layers = keras.layers
        start = layers.Input(shape=(256,))
        value = layers.Dense(512, activation="relu")(start)
        value = layers.Dense(512, activation="relu")(value)
        value = layers.Dense(10, activation="softmax")(value)
        return models.classifier(keras, start, value, ADAM, supplied)
