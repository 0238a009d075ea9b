"""Data for workloads: from scikit-learn's packaged set, or drawn from a fixed seed; the same bytes on every stack.

Drawn with NumPy's legacy RandomState, whose streams are frozen, and only by `random_sample` and `randint`: the
others go through the C library's logarithm, which differs from one to the next.
"""
from __future__ import absolute_import, division, print_function

#: Of all data; the seeds of a run choose weights, not data.
SEED = 2017


def one_hot(labels, classes):
    """float32 (samples, classes)."""
    import numpy
    return (numpy.asarray(labels)[:, None] == numpy.arange(classes)[None, :]).astype("float32")


def digits(samples):
    """(images of shape (samples, 8, 8) from 0 to 1, one-hot classes (samples, 10)), float32.

    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998, as packaged by scikit-learn; the
    sixteenths are exact in float32.
    """
    from sklearn.datasets import load_digits
    found = load_digits()
    images = (found.data[:samples] / 16.0).astype("float32").reshape(-1, 8, 8)
    return images, one_hot(found.target[:samples], 10)


def clusters(samples, features, classes):
    """(points (samples, features), one-hot classes), float32: noise around a centre a class, all from 0 to 1."""
    import numpy
    random = numpy.random.RandomState(SEED)
    centres = random.random_sample((classes, features)).astype("float32")
    labels = random.randint(0, classes, samples)
    noise = random.random_sample((samples, features)).astype("float32")
    return (centres[labels] + noise) / numpy.float32(2), one_hot(labels, classes)


def sentences(samples, length, vocabulary):
    """(words (samples, length), classes (samples, 1)), float32: of the two classes one prefers the upper half of the
    vocabulary. Words are numbers from 0, as floats, which every Keras casts back."""
    import numpy
    random = numpy.random.RandomState(SEED)
    labels = random.randint(0, 2, samples)
    words = random.randint(0, vocabulary // 2, (samples, length))
    upper = random.random_sample((samples, length)) < 0.35 + 0.3 * labels[:, None]
    return (words + upper * (vocabulary // 2)).astype("float32"), labels[:, None].astype("float32")


def graph(nodes, edges, features, classes):
    """(features of the nodes, one-hot classes, sources (edges,), targets (edges,)); edges are int32."""
    import numpy
    values, labels = clusters(nodes, features, classes)
    random = numpy.random.RandomState(SEED + 1)
    ends = random.randint(0, nodes, (2, edges)).astype("int32")
    return values, labels, ends[0], ends[1]
