"""The control `ordered_updates`: Keras 2.0 on TensorFlow 1 writes no variable before all new values are computed.

Keras 2.0.3 builds a training step whose assignments wait for the loss and for nothing else. A gradient that has
not read a kernel yet may then see it already updated: the result depends on which operation ran first, and even a
single thread computes something other than the stated step. With this control every assignment waits for every
new value.
"""
from __future__ import absolute_import, division, print_function


def install(tensorflow):
    """Replaces how the backend collects and runs updates; before any model is made."""
    from keras import backend
    from keras.backend import tensorflow_backend

    def update(variable, value):
        return variable, value

    def update_add(variable, increment):
        return variable, variable + increment

    class OrderedFunction(tensorflow_backend.Function):
        def __init__(self, inputs, outputs, updates=None):
            values = [one[1] for one in updates or [] if isinstance(one, tuple)]
            with tensorflow.control_dependencies(list(outputs) + values):
                assigned = [tensorflow.assign(*one) if isinstance(one, tuple) else one for one in updates or []]
                together = tensorflow.group(*assigned)
            super(OrderedFunction, self).__init__(inputs, outputs, updates=[together])

    tensorflow_backend.Function = OrderedFunction
    for module in (backend, tensorflow_backend):
        module.update = update
        module.update_add = update_add
