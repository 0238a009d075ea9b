"""The control `ordered_updates`: Keras 2 on TensorFlow 1 writes no variable before all new values are computed.

Keras 2 (2.0.3 with TensorFlow 1.1, and still 2.3.1 with 1.15) builds a training step whose assignments wait for the
loss and for nothing else. A gradient that has not read a kernel yet may then see it already updated: the result
depends on which operation ran first, and even a single thread computes something other than the stated step. With
this control every assignment waits for every new value.
"""
from __future__ import absolute_import, division, print_function


def installed():
    """Whether the backend's function is the one of this module."""
    from keras import backend
    return getattr(backend.function, "ordered", False)


def install(tensorflow):
    """Replaces how the backend collects and runs updates; before any model is made."""
    from keras import backend
    from keras.backend import tensorflow_backend
    given = backend.function

    def update(variable, value):
        return variable, value

    def update_add(variable, increment):
        return variable, variable + increment

    def function(inputs, outputs, updates=None, **options):
        values = [one[1] for one in updates or [] if isinstance(one, tuple)]
        with tensorflow.control_dependencies(list(outputs) + values):
            assigned = [tensorflow.assign(*one) if isinstance(one, tuple) else one for one in updates or []]
            together = tensorflow.group(*assigned)
        return given(inputs, outputs, updates=[together], **options)

    function.ordered = True
    for module in (backend, tensorflow_backend):
        module.update = update
        module.update_add = update_add
        module.function = function
