"""The frameworks under Keras, one file each: how each is seeded, how its controls are set, what they then say.

A framework's calls come in this order: `prepare` before it is imported (environment variables), `configure` after
its import and before Keras makes anything, `observe` and `placement` at the end, when threads and devices can be seen.
"""
from __future__ import absolute_import, division, print_function

import importlib

from ..seeding import Unavailable

#: name in a job -> (module of this folder, class).
FRAMEWORKS = {
    "cntk": ("cntk", "CNTK"),
    "jax": ("jax", "Jax"),
    "numpy": ("numpy", "NumPy"),
    "tensorflow": ("tensorflow", "TensorFlow"),
    "theano": ("theano", "Theano"),
    "torch": ("torch", "Torch"),
}


def named(name):
    """The framework of that name; Unavailable names the legal ones."""
    if name not in FRAMEWORKS:
        raise Unavailable("framework %r: this guest knows %s" % (name, ", ".join(sorted(FRAMEWORKS))))
    module, kind = FRAMEWORKS[name]
    return getattr(importlib.import_module("." + module, __name__), kind)()
