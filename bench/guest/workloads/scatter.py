"""Two convolutions on a generated graph: what comes along the edges is gathered, and summed where the edges end.

Sums into segments, and the gradient of a gather, add in an order that threads and a GPU's atomics choose: the
classical case of training that does not repeat. `keras.ops.segment_sum` is Keras 3's; Keras 2 has no such operation.
"""
from __future__ import absolute_import, division, print_function

from .. import datasets, models
from .base import ADAM, Workload

NODES, EDGES, FEATURES, CLASSES = 256, 2048, 16, 4

TENSORS = (
    ("1.dense/kernel", (16, 16), "glorot"),
    ("1.dense/bias", (16,), "zeros"),
    ("3.dense/kernel", (16, 16), "glorot"),
    ("3.dense/bias", (16,), "zeros"),
    ("5.dense/kernel", (16, 4), "glorot"),
    ("5.dense/bias", (4,), "zeros"),
)


def neighbours_layer(keras, sources, targets):
    """A layer: of each node the sum over its incoming edges of the values where they start, by the mean degree."""
    class Neighbours(keras.layers.Layer):
        def call(self, values):
            along = keras.ops.take(values, sources, axis=0)
            return keras.ops.segment_sum(along, targets, num_segments=NODES) / (float(EDGES) / NODES)

        def compute_output_shape(self, shape):
            return shape

    return Neighbours()


class Scatter(Workload):
    BATCH_SIZE = NODES  # a graph is one batch
    NEEDS = ("ops.segment_sum",)
    SHUFFLES = False  # an edge names a node by its place

    def data(self):
        """X of shape (256, 16), y (256, 4), float32; sources and targets (2048,), int32."""
        values, classes, sources, targets = datasets.graph(NODES, EDGES, FEATURES, CLASSES)
        return {"X": values, "y": classes, "sources": sources, "targets": targets}

    def build(self, keras, supplied):
        layers = keras.layers
        data = self.data()
        start = layers.Input(shape=(FEATURES,))
        value = layers.Dense(16, activation="relu")(start)
        value = neighbours_layer(keras, data["sources"], data["targets"])(value)
        value = layers.Dense(16, activation="relu")(value)
        value = neighbours_layer(keras, data["sources"], data["targets"])(value)
        value = layers.Dense(CLASSES, activation="softmax")(value)
        return models.classifier(keras, start, value, ADAM, supplied)

    def predict_options(self):
        return {"batch_size": NODES}
