"""The tutorial's multilayer perceptron on the sequence 0.0, 0.1 ... 0.9.

J. Brownlee, "How to Get Reproducible Results with Keras", 2017: X is the value at t-1, y the value at t,
nine pairs of float64 from a pandas frame; Dense(10), Dense(1), both linear; mean squared error; Adam with
the defaults of the Keras in use; 100 epochs of one batch; scikit-learn's error of the predictions.
"""
from __future__ import absolute_import, division, print_function

from .. import models

SCORE = "mean_squared_error"
STEPS_PER_EPOCH = 1

#: The supplied lane states what the frameworks' defaults disagree about (Keras 2.0.3 has epsilon 1e-8).
HYPERPARAMETERS = {"optimizer": "adam", "learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


def data():
    """X and y, each of shape (9,), float64."""
    from pandas import DataFrame, concat
    length = 10
    sequence = [step / float(length) for step in range(length)]
    frame = DataFrame(sequence)
    frame = concat([frame.shift(1), frame], axis=1)
    frame.dropna(inplace=True)
    values = frame.values
    return {"X": values[:, 0], "y": values[:, 1]}


def build(keras, supplied):
    """The compiled model; in the supplied lane with every hyperparameter stated."""
    from keras.layers import Dense
    from keras.models import Sequential
    model = Sequential()
    model.add(Dense(10, input_dim=1))
    model.add(Dense(1))
    optimizer = models.adam(keras, HYPERPARAMETERS) if supplied else "adam"
    model.compile(loss="mean_squared_error", optimizer=optimizer)
    return model


def reference(kind):
    """The same model in plain NumPy, of that float type."""
    from .. import reference as plain
    stated = dict((key, value) for key, value in HYPERPARAMETERS.items() if key != "optimizer")
    return plain.Sequential([plain.Dense(1, 10, kind), plain.Dense(10, 1, kind)], plain.Adam(kind, **stated), kind)


def fit(model, data, epochs, supplied, callbacks):
    """Keras's History. The supplied lane does not shuffle, so that the order of the sum is given too."""
    extra = {"shuffle": False} if supplied else {}
    return model.fit(data["X"], data["y"], epochs=epochs, batch_size=len(data["X"]), verbose=0,
                     callbacks=callbacks, **extra)


def predict(model, data):
    """Predictions of shape (9, 1), float32."""
    return model.predict(data["X"], verbose=0)


def score(data, predictions):
    """Mean squared error, a float."""
    from sklearn.metrics import mean_squared_error
    return mean_squared_error(data["y"], predictions[:, 0])
