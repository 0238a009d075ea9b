"""Seeds random number generators in the order of the tutorial's recipes.

`numpy` is seeded before any other import; `full` then seeds the backend, before Keras is imported;
`keras` imports Keras first and calls `keras.utils.set_random_seed`, which Keras 2.0 does not have.
"""
from __future__ import absolute_import, division, print_function


class Unavailable(Exception):
    """This cell cannot run on this stack; the message is the reason."""


def before_imports(job):
    """First of all that the guest does with a job."""
    if job["seeding"] in ("numpy", "full"):
        from numpy.random import seed
        seed(job["seeds"]["numpy"])


def before_keras(job, framework):
    """After the framework's own import, before Keras."""
    if job["seeding"] == "full":
        framework.seed(job["seeds"]["backend"])


def after_keras(job, keras):
    """Once Keras is imported."""
    if job["seeding"] == "keras":
        if keras is None:
            raise Unavailable("seeding 'keras': this backend runs without Keras")
        set_random_seed = getattr(keras.utils, "set_random_seed", None)
        if set_random_seed is None:
            raise Unavailable("seeding 'keras': Keras %s has no keras.utils.set_random_seed" % keras.__version__)
        set_random_seed(job["seeds"]["keras"])
