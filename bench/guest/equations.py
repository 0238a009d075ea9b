"""What Keras computes under one name by several equations: stated in a record, so that a comparison can refuse them.

Read in the sources of the Keras named, and held against a training step by tests inside the images. For a Keras that
is not in the tables the text names it, so that it is comparable with itself alone.
"""
from __future__ import absolute_import, division, print_function

#: The variance of a batch of n values that enters BatchNormalization's moving variance; v is their mean square
#: deviation, and v_after that of the same batch once the weights are updated. By (Keras, framework); n counts all axes
#: but the channel's. Keras 3 is one for all frameworks.
MOVING_VARIANCE = {
    ("2.0.3", "tensorflow"): "v",
    ("2.0.3", "theano"): "v + epsilon",
    ("2.3.1", "cntk"): "v_after",
    ("2.3.1", "tensorflow"): "v n / (n - 1) n / (n - 1 - epsilon)",
    ("2.3.1", "theano"): "(v + epsilon) n / (n - 1 - epsilon)",
}

#: The step of RMSprop, by the first digit of Keras; g is the gradient, v the moving mean of its square.
RMSPROP = {"2": "g / (sqrt(v) + epsilon)", "3": "g / sqrt(v + epsilon)"}

#: What adaptive optimizers take for the square of an embedding's gradient, which is a sum over the places p where a word
#: stands: its square, or on TensorFlow under Keras 3, whose sparse gradient keeps the places apart, the sum of squares.
EMBEDDING = {True: "sum_p(g_p ** 2)", False: "sum_p(g_p) ** 2"}
ADAPTIVE = ("adam", "adamw", "rmsprop")

#: Theano convolves, with the kernel turned about, where the others call a cross-correlation so.
CONV2D = {True: "kernel[::-1, ::-1]", False: "kernel"}

#: What an LSTM gives, of its output gate o and its cell c; on CNTK under Keras 2.3.1 it is the cell itself.
LSTM = {True: "c", False: "o * tanh(c)"}


def moving_variance(version, framework):
    if version.startswith("3."):
        return "v"
    return MOVING_VARIANCE.get((version, framework), "Keras %s on %s" % (version, framework))


def rmsprop(version):
    return RMSPROP.get(version.partition(".")[0], "Keras %s" % version)


def of(version, framework, layers, optimizer):
    """{name: equation} of a model's layer classes and its optimizer's, in lower case."""
    found = {}
    if "batchnormalization" in layers:
        found["batchnormalization.moving_variance"] = moving_variance(version, framework)
    if optimizer == "rmsprop":
        found["rmsprop.step"] = rmsprop(version)
    if "embedding" in layers and optimizer in ADAPTIVE:
        found["embedding.squared_gradient"] = EMBEDDING[framework == "tensorflow" and version.startswith("3.")]
    if "conv2d" in layers:
        found["conv2d.kernel"] = CONV2D[framework == "theano"]
    if "lstm" in layers:
        found["lstm.output"] = LSTM[framework == "cntk"]
    return found
