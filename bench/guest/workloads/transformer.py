"""One small attention block that reads digits row by row.

MultiHeadAttention and LayerNormalization came with TensorFlow 2's Keras: Keras 2.0.3 and 2.3.1 have neither.
"""
from __future__ import absolute_import, division, print_function

from .. import datasets, models
from .base import ADAM, Workload

TENSORS = (
    ("1.dense/kernel", (8, 16), "glorot"),
    ("1.dense/bias", (16,), "zeros"),
    ("2.multiheadattention/query/kernel", (16, 2, 8), "glorot"),
    ("2.multiheadattention/query/bias", (2, 8), "zeros"),
    ("2.multiheadattention/key/kernel", (16, 2, 8), "glorot"),
    ("2.multiheadattention/key/bias", (2, 8), "zeros"),
    ("2.multiheadattention/value/kernel", (16, 2, 8), "glorot"),
    ("2.multiheadattention/value/bias", (2, 8), "zeros"),
    ("2.multiheadattention/attention_output/kernel", (2, 8, 16), "glorot"),
    ("2.multiheadattention/attention_output/bias", (16,), "zeros"),
    ("4.layernormalization/gamma", (16,), "ones"),
    ("4.layernormalization/beta", (16,), "zeros"),
    ("5.dense/kernel", (16, 32), "glorot"),
    ("5.dense/bias", (32,), "zeros"),
    ("6.dense/kernel", (32, 16), "glorot"),
    ("6.dense/bias", (16,), "zeros"),
    ("8.layernormalization/gamma", (16,), "ones"),
    ("8.layernormalization/beta", (16,), "zeros"),
    ("10.dense/kernel", (16, 10), "glorot"),
    ("10.dense/bias", (10,), "zeros"),
)


class Transformer(Workload):
    NEEDS = ("layers.MultiHeadAttention", "layers.LayerNormalization")

    def data(self):
        """X of shape (128, 8, 8): samples, rows, pixels of a row; y (128, 10); float32."""
        images, classes = datasets.digits(128)
        return {"X": images, "y": classes}

    def build(self, keras, supplied):
        layers = keras.layers
        start = layers.Input(shape=(8, 8))
        value = layers.Dense(16)(start)
        attended = layers.MultiHeadAttention(num_heads=2, key_dim=8)(value, value)
        value = layers.LayerNormalization(epsilon=1e-3)(layers.add([value, attended]))
        hidden = layers.Dense(16)(layers.Dense(32, activation="relu")(value))
        value = layers.LayerNormalization(epsilon=1e-3)(layers.add([value, hidden]))
        value = layers.GlobalAveragePooling1D()(value)
        value = layers.Dense(10, activation="softmax")(value)
        return models.classifier(keras, start, value, ADAM, supplied)
