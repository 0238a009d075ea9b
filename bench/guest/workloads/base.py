"""What all workloads share: how a model is fitted, asked and scored."""
from __future__ import absolute_import, division, print_function

import math

from ..seeding import Unavailable

#: The supplied lane states every hyperparameter: Keras 2.0.3 has another epsilon than today's. Keras 2 rounds 0.999 to
#: float32 before it takes it from 1, Keras 3 after: that alone moves the first update by 7e-6. These decay rates, close
#: to the usual ones, are floats of few bits, so that what is left between two backends is arithmetic.
ADAM = {"optimizer": "Adam", "learning_rate": 0.001, "beta_1": 0.875, "beta_2": 1 - 2.0 ** -10, "epsilon": 1e-7}


class Workload(object):
    """A training task. A subclass has one file, whose docstring says what it is and which Keras has its layers.

    Beside the class the file has literals that the host reads: TENSORS, the weights that the bench supplies, as
    (name, shape, draw) in the order of Keras's `get_weights()`, and MASKS, dropout's masks, as (name, shape, rate);
    a mask is an input with a row a sample, which is multiplied with what it masks.
    """

    #: The name of the score, and its samples a batch.
    SCORE = "mean_cross_entropy"
    BATCH_SIZE = 32
    #: Attributes of the module `keras` that must be there, such as "layers.LayerNormalization".
    NEEDS = ()
    #: Masks of the supplied lane, in the order of the model's inputs: (name, shape of all of them, rate).
    MASKS = ()
    #: Whether the native lane leaves the order of the samples to Keras.
    SHUFFLES = True

    def __init__(self, name):
        self.name = name

    def data(self):
        """{"X": samples, "y": targets}, NumPy arrays with one row a sample, the same bytes on every stack."""
        raise NotImplementedError

    def build(self, keras, supplied):
        """The compiled model; in the supplied lane with every hyperparameter stated and masks as inputs."""
        raise NotImplementedError

    def check(self, keras):
        """Unavailable where this Keras lacks what the workload is made of."""
        missing = [name for name in self.NEEDS if not has(keras, name)]
        if missing:
            raise Unavailable("Keras %s has no %s, which %s needs"
                              % (keras.__version__, ", ".join("keras." + name for name in missing), self.name))

    def steps_per_epoch(self, data):
        return -(-len(data["X"]) // self.BATCH_SIZE)

    def inputs(self, data, masks, rows=None):
        """What the model is called with: the samples, or a list of them and the masks; `rows` of them, or all."""
        values = [data["X"]] + list(masks or [])
        values = [value if rows is None else value[:rows] for value in values]
        return values if len(values) > 1 else values[0]

    def fit(self, model, data, masks, epochs, shuffle, callbacks):
        """Keras's History; without `shuffle` the samples come in the order of the data, epoch by epoch."""
        return model.fit(self.inputs(data, masks), data["y"], epochs=epochs, batch_size=self.BATCH_SIZE, verbose=0,
                         shuffle=shuffle, callbacks=callbacks)

    def predict(self, model, data, masks):
        """Predictions, one row a sample. Nothing is dropped: masks are all ones."""
        ones = [mask * 0 + 1 for mask in masks or []]
        return model.predict(self.inputs(data, ones), verbose=0, **self.predict_options())

    def predict_options(self):
        """Keras's own batch size unless the model needs another."""
        return {}

    def score(self, data, predictions):
        """Mean cross-entropy of one-hot targets in nats, summed without rounding, so that no order enters."""
        chosen = [float(p) for p in (predictions * data["y"]).sum(axis=1)]
        return math.fsum(-math.log(p) if p > 0 else float("inf") if p == 0 else float("nan")
                         for p in chosen) / len(chosen)


def has(module, path):
    """Whether a dotted attribute is there."""
    for part in path.split("."):
        module = getattr(module, part, None)
    return module is not None
