"""The tutorial's multilayer perceptron on the sequence 0.0, 0.1 ... 0.9.

J. Brownlee, "How to Get Reproducible Results with Keras", 2017: X is the value at t-1, y the value at t,
nine pairs of float64 from a pandas frame; Dense(10), Dense(1), both linear; mean squared error; Adam with
the defaults of the Keras in use; 100 epochs of one batch; scikit-learn's error of the predictions.
"""
from __future__ import absolute_import, division, print_function

from .. import models
from .base import Workload

TENSORS = (
    ("0.dense/kernel", (1, 10), "glorot"),
    ("0.dense/bias", (10,), "zeros"),
    ("1.dense/kernel", (10, 1), "glorot"),
    ("1.dense/bias", (1,), "zeros"),
)

#: Adam as its paper and every Keras have it, but for the epsilon, which they disagree about.
ADAM = {"optimizer": "Adam", "learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


class Mlp(Workload):
    SCORE = "mean_squared_error"
    BATCH_SIZE = 9  # all of them: one batch
    #: What the supplied lane states, and what the native lane asks for by name.
    OPTIMIZER = ADAM

    def data(self):
        """X and y, each of shape (9,), float64."""
        from pandas import DataFrame, concat
        length = 10
        sequence = [step / float(length) for step in range(length)]
        frame = DataFrame(sequence)
        frame = concat([frame.shift(1), frame], axis=1)
        frame.dropna(inplace=True)
        values = frame.values
        return {"X": values[:, 0], "y": values[:, 1]}

    def build(self, keras, supplied):
        from keras.layers import Dense
        from keras.models import Sequential
        model = Sequential()
        model.add(Dense(10, input_dim=1))
        model.add(Dense(1))
        model.compile(loss="mean_squared_error", optimizer=models.optimizer(keras, self.OPTIMIZER, supplied))
        return model

    def reference(self, kind):
        """The same model in plain NumPy, of that float type."""
        from .. import reference as plain
        stated = dict((key, value) for key, value in ADAM.items() if key != "optimizer")
        return plain.Sequential([plain.Dense(1, 10, kind), plain.Dense(10, 1, kind)], plain.Adam(kind, **stated), kind)

    def score(self, data, predictions):
        """Mean squared error, a float."""
        from sklearn.metrics import mean_squared_error
        return mean_squared_error(data["y"], predictions[:, 0])
