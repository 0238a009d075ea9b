"""A classifier of generated text: embedding, mean over the words, dropout. In the supplied lane masks are inputs.

The gradient of an embedding is a sum over the places where a word stands, in an order that threads can change. Keras 3
on TensorFlow squares before it sums (`guest/equations.py`), so that a comparison with it is INCOMPARABLE.
Embedding and GlobalAveragePooling1D exist in every Keras.
"""
from __future__ import absolute_import, division, print_function

import math

from .. import datasets, models
from .base import ADAM, Workload

TENSORS = (
    ("1.embedding/embeddings", (200, 16), "uniform"),
    ("5.dense/kernel", (16, 1), "glorot"),
    ("5.dense/bias", (1,), "zeros"),
)
MASKS = (("mask", (256, 16), 0.25),)


class Embedding(Workload):
    MASKS = MASKS
    SCORE = "mean_binary_cross_entropy"

    def data(self):
        """X of shape (256, 20), y (256, 1), float32."""
        words, classes = datasets.sentences(256, 20, 200)
        return {"X": words, "y": classes}

    def build(self, keras, supplied):
        layers = keras.layers
        start = layers.Input(shape=(20,))
        value = layers.Embedding(200, 16)(start)
        value = layers.GlobalAveragePooling1D()(value)
        value, masks = models.dropout(keras, value, 0.25, (16,), supplied)
        value = layers.Dense(1, activation="sigmoid")(value)
        return models.compiled(keras, [start] + masks, value, "binary_crossentropy", ADAM, supplied)

    def score(self, data, predictions):
        """Mean cross-entropy of the two classes in nats, summed without rounding."""
        chosen = [float(p if y else 1 - p) for p, y in zip(predictions[:, 0].astype("float64"), data["y"][:, 0])]
        return math.fsum(-math.log(p) if p > 0 else float("inf") if p == 0 else float("nan")
                         for p in chosen) / len(chosen)
