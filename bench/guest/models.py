"""Keras 2 and Keras 3 under one set of words: how models are made, and what they have."""
from __future__ import absolute_import, division, print_function

import inspect
import json

from . import bits, equations
from .seeding import Unavailable

#: Keras 2.0's names of hyperparameters in today's words.
OLDER_NAMES = {"lr": "learning_rate"}

#: An optimizer's hyperparameters that enter a comparison, where the optimizer has them.
COMPARED = ("learning_rate", "beta_1", "beta_2", "rho", "momentum", "nesterov", "epsilon", "decay", "weight_decay",
            "amsgrad", "clipnorm", "clipvalue", "use_ema")

#: A layer's settings that enter a comparison, where the layer has them.
COMPARED_OF_LAYERS = ("units", "filters", "kernel_size", "strides", "padding", "dilation_rate", "pool_size",
                      "data_format", "activation", "recurrent_activation", "use_bias", "reset_after", "input_dim",
                      "output_dim", "mask_zero", "num_heads", "key_dim", "axis", "momentum", "epsilon", "center",
                      "scale", "rate", "dropout", "recurrent_dropout")

#: Not having one of these is the same as having it switched off, or as it always was.
OFF = (None, False, 0, 0.0, "channels_last")

#: Names of variables that every Keras uses, the longer ones first: `recurrent_kernel` also ends in `kernel`.
VARIABLES = ("recurrent_kernel", "moving_mean", "moving_variance", "embeddings", "kernel", "bias", "gamma", "beta")


def set_dtype(keras, name):
    """The float type that Keras makes weights of and casts data to: `float32`, `float64`."""
    if name == "extended":
        raise Unavailable("dtype 'extended': only the NumPy reference computes in it")
    keras.backend.set_floatx(name)


def accepts(function, argument):
    """Whether a function or class has a parameter of that name."""
    function = function.__init__ if inspect.isclass(function) else function
    arguments = getattr(inspect, "getfullargspec", None) or inspect.getargspec
    return argument in arguments(function).args


def optimizer(keras, stated, supplied):
    """The optimizer of a workload: with every hyperparameter stated, or by its name, with Keras's own defaults."""
    if not supplied:
        return stated["optimizer"].lower()
    kind = getattr(keras.optimizers, stated["optimizer"])
    values = dict((key, value) for key, value in stated.items() if key != "optimizer")
    if not accepts(kind, "learning_rate"):
        values["lr"] = values.pop("learning_rate")
    return kind(**values)


def compiled(keras, inputs, outputs, loss, stated, supplied):
    """A compiled model of those tensors."""
    model = keras.models.Model(inputs=inputs, outputs=outputs)
    model.compile(loss=loss, optimizer=optimizer(keras, stated, supplied))
    return model


def classifier(keras, inputs, outputs, stated, supplied):
    """A compiled model whose output is the probability of each class."""
    return compiled(keras, inputs, outputs, "categorical_crossentropy", stated, supplied)


def dropout(keras, value, rate, shape, supplied):
    """(the value with some of it dropped, inputs that this needs): a layer, or in the supplied lane a mask as an input
    of the shape of a sample, which is multiplied. Masks hold 0 and 1 / (1 - rate)."""
    if not supplied:
        return keras.layers.Dropout(rate)(value), []
    mask = keras.layers.Input(shape=shape)
    return keras.layers.multiply([value, mask]), [mask]


def recurrent(kind):
    """What the supplied lane states of a recurrent layer: the defaults that differ from Keras to Keras."""
    stated = {"activation": "tanh", "recurrent_activation": "sigmoid"}
    if accepts(kind, "reset_after"):
        stated["reset_after"] = False
    return stated


def variable_name(own):
    """One of VARIABLES for a framework's name of a variable, or that name without its decorations."""
    own = own.split("/")[-1].split(":")[0]
    return next((kind for kind in VARIABLES if own.startswith(kind) or own.endswith(kind)), own)


def weight_names(model):
    """A name for each array of `model.get_weights()`: layer's place and class, then the variable's own name.

    Framework names (`dense_21/kernel:0`) count models and differ from repeat to repeat, so they are not used. A layer
    that is made of others has several variables of one name: there the inner layer's name stands between.
    """
    names = []
    for place, layer in enumerate(model.layers):
        paths = [getattr(variable, "path", None) or getattr(variable, "name", None) or "weight"
                 for variable in layer.weights]
        own = [variable_name(path) for path in paths]
        if len(set(own)) < len(own):
            own = ["/".join(path.split("/")[-2:]) for path in paths]
        names.extend("%d.%s/%s" % (place, kind_of(layer), one) for one in own)
    return names


def kind_of(thing):
    return type(thing).__name__.lower()


def text(value):
    """A setting as text: floats as float32, which is what they are used as, sequences and tuples alike."""
    import numpy
    if isinstance(value, float):
        return bits.number(numpy.float32(value))
    if isinstance(value, (list, tuple)):
        return ",".join(text(one) for one in value)
    return str(value)


def is_off(value):
    return any(value is off or value == off for off in OFF)


def compared_hyperparameters(keras, framework, model, fit_arguments):
    """{name: text} of what must agree between two stacks; `keras` is None for a model that is not Keras's."""
    values = dict(fit_arguments)
    values["optimizer"] = kind_of(model.optimizer)
    for key, value in model.optimizer.get_config().items():
        key = OLDER_NAMES.get(key, key)
        if key in COMPARED and not is_off(value):
            values[key] = text(value)
    kinds = [kind_of(layer) for layer in model.layers]
    values["layers"] = " ".join(kinds)
    for place, (kind, layer) in enumerate(zip(kinds, model.layers)):
        config = layer.get_config()
        for key in COMPARED_OF_LAYERS:
            if not is_off(config.get(key)) and kind != "inputlayer":
                values["%d.%s.%s" % (place, kind, key)] = text(config[key])
    if keras is not None:
        values.update(equations.of(keras.__version__, framework, kinds, values["optimizer"]))
    return values


def configuration(model):
    """The model's and optimizer's own configuration, for people; not compared."""
    value = {"model": model.get_config(), "optimizer": model.optimizer.get_config()}
    return json.loads(json.dumps(value, default=str, allow_nan=True, sort_keys=True), parse_constant=str)


def optimizer_state(keras, model):
    """The optimizer's variables as NumPy arrays: counters, moments, learning rate, whatever this Keras keeps."""
    import numpy
    variables = getattr(model.optimizer, "variables", None)
    if keras is None or variables is None or callable(variables):  # Keras 2 gives them by a method
        return [numpy.asarray(one) for one in model.optimizer.get_weights()]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]
