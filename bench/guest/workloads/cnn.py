"""A convolutional classifier of digits: convolution, batch normalisation, max pooling.

All of them exist in every Keras. Theano turns the kernel about, and how the moving variance is estimated differs
(`guest/equations.py`): where either does, a comparison is INCOMPARABLE.
"""
from __future__ import absolute_import, division, print_function

from .. import datasets, models
from .base import ADAM, Workload

TENSORS = (
    ("1.conv2d/kernel", (3, 3, 1, 8), "glorot"),
    ("1.conv2d/bias", (8,), "zeros"),
    ("2.batchnormalization/gamma", (8,), "ones"),
    ("2.batchnormalization/beta", (8,), "zeros"),
    ("2.batchnormalization/moving_mean", (8,), "zeros"),
    ("2.batchnormalization/moving_variance", (8,), "ones"),
    ("5.dense/kernel", (72, 10), "glorot"),
    ("5.dense/bias", (10,), "zeros"),
)


class Cnn(Workload):
    def data(self):
        """X of shape (256, 8, 8, 1), y (256, 10), float32."""
        images, classes = datasets.digits(256)
        return {"X": images[..., None], "y": classes}

    def build(self, keras, supplied):
        layers = keras.layers
        start = layers.Input(shape=(8, 8, 1))
        value = layers.Conv2D(8, (3, 3), activation="relu", data_format="channels_last")(start)
        value = layers.BatchNormalization(axis=3, momentum=0.99, epsilon=1e-3)(value)
        value = layers.MaxPooling2D((2, 2), data_format="channels_last")(value)
        value = layers.Flatten()(value)
        value = layers.Dense(10, activation="softmax")(value)
        return models.classifier(keras, start, value, ADAM, supplied)
