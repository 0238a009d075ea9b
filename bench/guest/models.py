"""Keras 2 and Keras 3 under one set of words: optimizers by stated hyperparameters, and what a model has."""
from __future__ import absolute_import, division, print_function

import inspect
import json

from . import bits
from .seeding import Unavailable

#: Keras 2.0's names of hyperparameters in today's words.
OLDER_NAMES = {"lr": "learning_rate"}

#: An optimizer's hyperparameters that enter a comparison, where the optimizer has them.
COMPARED = ("learning_rate", "beta_1", "beta_2", "rho", "momentum", "epsilon", "decay", "weight_decay", "amsgrad",
            "clipnorm", "clipvalue", "use_ema")

#: Not having one of these is the same as having it switched off.
OFF = (None, False, 0, 0.0)


def set_dtype(keras, name):
    """The float type that Keras makes weights of and casts data to: `float32`, `float64`."""
    if name == "extended":
        raise Unavailable("dtype 'extended': only the NumPy reference computes in it")
    keras.backend.set_floatx(name)


def adam(keras, hyperparameters):
    """keras.optimizers.Adam with stated learning rate, betas and epsilon."""
    values = dict((key, value) for key, value in hyperparameters.items() if key != "optimizer")
    arguments = getattr(inspect, "getfullargspec", None) or inspect.getargspec
    if "learning_rate" not in arguments(keras.optimizers.Adam.__init__).args:
        values["lr"] = values.pop("learning_rate")
    return keras.optimizers.Adam(**values)


def weight_names(model):
    """A name for each array of `model.get_weights()`: layer's place and class, then the variable's own name.

    Framework names (`dense_21/kernel:0`) count models and differ from repeat to repeat, so they are not used.
    """
    names = []
    for place, layer in enumerate(model.layers):
        for variable in layer.weights:
            own = getattr(variable, "name", None) or "weight"
            own = own.split("/")[-1].split(":")[0]
            kinds = [kind for kind in ("kernel", "bias") if own.startswith(kind) or own.endswith(kind)]
            names.append("%d.%s/%s" % (place, type(layer).__name__.lower(), kinds[0] if kinds else own))
    return names


def compared_hyperparameters(model, fit_arguments):
    """{name: text} of what must agree between two stacks; floats as float32, which is what they are used as."""
    import numpy
    values = dict(fit_arguments)
    optimizer = model.optimizer
    values["optimizer"] = type(optimizer).__name__.lower()
    for key, value in optimizer.get_config().items():
        key = OLDER_NAMES.get(key, key)
        if key in COMPARED and not any(value is off or value == off for off in OFF):
            values[key] = bits.number(numpy.float32(value)) if isinstance(value, float) else str(value)
    values["layers"] = " ".join(
        "%s(%s)" % (type(layer).__name__, ",".join(
            "%s=%s" % (key, config[key]) for key in ("units", "activation", "use_bias") if key in config))
        for layer, config in ((layer, layer.get_config()) for layer in model.layers))
    return values


def configuration(model):
    """The model's and optimizer's own configuration, for people; not compared."""
    value = {"model": model.get_config(), "optimizer": model.optimizer.get_config()}
    return json.loads(json.dumps(value, default=str, allow_nan=True, sort_keys=True), parse_constant=str)
