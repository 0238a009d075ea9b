"""Dense networks and Adam in plain NumPy, with the equations written out, for any float type.

It has as much of Keras's interface as `training` and `models` use, so that a reference run is recorded like any
other. Inputs (weights, data, hyperparameters) are taken exactly as given; float64 is what leaves.
"""
from __future__ import absolute_import, division, print_function

import numpy

from .seeding import Unavailable

#: What the control `dtype` may say -> NumPy's type.
DTYPES = {"float32": numpy.float32, "float64": numpy.float64, "extended": numpy.longdouble}


def dtype(asked):
    """NumPy's type for a name of `DTYPES`; Unavailable where this machine's long double is no wider than double."""
    if asked == "extended" and numpy.finfo(numpy.longdouble).nmant <= numpy.finfo(numpy.float64).nmant:
        raise Unavailable("dtype 'extended': this machine's long double is not wider than float64")
    if asked not in DTYPES:
        raise Unavailable("dtype %r: the reference computes in %s" % (str(asked), ", ".join(sorted(DTYPES))))
    return DTYPES[asked]


def name(kind):
    """The name of `DTYPES` for a type."""
    return next(text for text, one in DTYPES.items() if one is kind)


class Callback(object):
    """Keras's callbacks, as far as they are used here."""

    def set_model(self, model):
        self.model = model

    def on_train_begin(self, logs=None):
        pass

    def on_epoch_end(self, epoch, logs=None):
        pass


class History(object):
    def __init__(self, losses):
        self.history = {"loss": losses}


class Dense(object):
    """y = x W + b, for x of shape (samples, inputs), W (inputs, units), b (units,)."""

    def __init__(self, inputs, units, kind):
        self.kernel = numpy.zeros((inputs, units), kind)
        self.bias = numpy.zeros(units, kind)

    @property
    def weights(self):
        return [Named("kernel"), Named("bias")]

    def get_config(self):
        return {"units": self.kernel.shape[1], "activation": "linear", "use_bias": True}

    def forward(self, x):
        self.x = x
        return numpy.dot(x, self.kernel) + self.bias

    def backward(self, slope):
        """Gradients for kernel and bias, and for the input, from the loss's gradient for the output."""
        return numpy.dot(self.x.T, slope), slope.sum(axis=0), numpy.dot(slope, self.kernel.T)


class Named(object):
    def __init__(self, own):
        self.name = own


# Comparisons go by the names of classes: Adam and Dense are Keras's.
class Adam(object):
    """D. Kingma and J. Ba, ICLR 2015, in the order of computation that ends section 2, which is Keras's."""

    def __init__(self, kind, learning_rate, beta_1, beta_2, epsilon):
        self.stated = {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
        self.rate, self.beta_1, self.beta_2, self.epsilon = (
            kind(value) for value in (learning_rate, beta_1, beta_2, epsilon))
        self.one = kind(1)
        self.step = 0
        self.moments = None

    def get_config(self):
        return dict(self.stated)

    def update(self, weights, gradients):
        """New values for the weights, in place."""
        if self.moments is None:
            self.moments = [(numpy.zeros_like(one), numpy.zeros_like(one)) for one in weights]
        self.step += 1
        rate = (self.rate * numpy.sqrt(self.one - self.beta_2 ** self.step)
                / (self.one - self.beta_1 ** self.step))
        for weight, gradient, (first, second) in zip(weights, gradients, self.moments):
            first += (self.one - self.beta_1) * (gradient - first)
            second += (self.one - self.beta_2) * (gradient * gradient - second)
            weight -= rate * first / (numpy.sqrt(second) + self.epsilon)


class Sequential(object):
    """Dense layers, mean squared error, one batch an epoch, no shuffling."""

    loss = "mean_squared_error"

    def __init__(self, layers, optimizer, kind):
        self.layers = layers
        self.optimizer = optimizer
        self.kind = kind

    def get_config(self):
        return {"layers": [layer.get_config() for layer in self.layers], "dtype": name(self.kind)}

    def arrays(self):
        return [array for layer in self.layers for array in (layer.kernel, layer.bias)]

    def get_weights(self):
        """float64 copies."""
        return [array.astype(numpy.float64) for array in self.arrays()]

    def set_weights(self, values):
        for array, value in zip(self.arrays(), values):
            array[...] = value

    def forward(self, samples):
        value = numpy.asarray(samples, self.kind).reshape(len(samples), -1)
        for layer in self.layers:
            value = layer.forward(value)
        return value

    def predict(self, samples, verbose=0):
        """Predictions of shape (samples, units), float64."""
        return self.forward(samples).astype(numpy.float64)

    def fit(self, samples, targets, epochs, batch_size, shuffle, callbacks, verbose=0):
        """Trains; a History of each epoch's loss before its update, as Keras has it with one batch."""
        if batch_size != len(samples) or shuffle:
            raise ValueError("the reference trains on one batch in the order given; asked: batch_size %r of %d, "
                             "shuffle %r" % (batch_size, len(samples), shuffle))
        targets = numpy.asarray(targets, self.kind).reshape(len(targets), -1)
        for callback in callbacks:
            callback.set_model(self)
            callback.on_train_begin()
        losses = []
        for epoch in range(epochs):
            error = self.forward(samples) - targets
            losses.append(float((error * error).mean()))
            gradients = []
            slope = error * (self.kind(2) / self.kind(error.size))
            for layer in reversed(self.layers):
                kernel, bias, slope = layer.backward(slope)
                gradients[:0] = [kernel, bias]
            self.optimizer.update(self.arrays(), gradients)
            for callback in callbacks:
                callback.on_epoch_end(epoch)
        return History(losses)
