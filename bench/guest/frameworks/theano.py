"""Theano, compiled with g++ at run time."""
from __future__ import absolute_import, division, print_function

import os

from .. import controls
from ..seeding import Unavailable
from .base import Framework


#: Controls that are a setting of Theano's -> its name among the THEANO_FLAGS.
FLAGS = {"theano_cxxflags": "gcc.cxxflags", "theano_openmp": "openmp", "theano_optimizer": "optimizer"}


class Theano(Framework):
    """Theano runs one operation at a time; the threads inside an operation are OpenMP's and the BLAS's."""

    name = "theano"
    libraries = Framework.libraries + ("omp_wait_policy",)
    has_compile_cache = True

    def prepare(self, asked, accelerator, compile_folder):
        super(Theano, self).prepare(asked, accelerator, compile_folder)
        flags = ["base_compiledir=%s" % compile_folder]
        if "intra_op_threads" in asked:
            os.environ["OMP_NUM_THREADS"] = str(asked["intra_op_threads"])
            flags.append("openmp=%s" % (asked["intra_op_threads"] > 1))
        if asked.get("dtype") in ("float32", "float64"):
            flags.append("floatX=%s" % asked["dtype"])
        flags += ["%s=%s" % (FLAGS[name], asked[name]) for name in sorted(FLAGS) if name in asked]
        os.environ["THEANO_FLAGS"] = ",".join(flags)

    def seed(self, value):
        raise Unavailable("seeding 'full': Theano has no seed of its own; its recipe is 'numpy'")

    def configure(self, asked):
        import theano
        self.version = theano.__version__

    def set_dtype(self, keras, name):
        """Keras overwrites Theano's floatX when it is imported, with that of keras.json; constants would stay so."""
        super(Theano, self).set_dtype(keras, name)
        import theano
        theano.config.floatX = str(name)

    def state_of_dtype(self, name, value):
        import theano
        seen = self.keras().backend.floatx(), theano.config.floatX
        return controls.state(name, value, controls.IN_FORCE if seen == (value, value) else controls.NOT_IN_FORCE,
                              "keras.backend.floatx and theano.config.floatX: %s, %s" % seen)

    def setting(self, name, value):
        import theano
        seen = theano.config
        for part in FLAGS[name].split("."):
            seen = getattr(seen, part)
        return controls.read_back(name, value, seen, "theano.config.%s" % FLAGS[name])

    state_of_theano_cxxflags = state_of_theano_openmp = state_of_theano_optimizer = setting

    def state_of_intra_op_threads(self, name, value):
        import theano
        threads = theano.config.openmp and int(os.environ["OMP_NUM_THREADS"]) or 1
        return controls.read_back(name, value, threads, "theano.config.openmp and OMP_NUM_THREADS")

    def state_of_inter_op_threads(self, name, value):
        return controls.read_back(name, value, 1, "Theano runs one operation at a time")

    def state_of_ordered_updates(self, name, value):
        return controls.state(name, value, controls.UNVERIFIED,
                              "Theano is documented to assign after all new values are computed")

    def state_of_compile_cache(self, name, value):
        return controls.state(name, value, controls.IN_FORCE, "the folder given to base_compiledir")

    def facts(self):
        import theano
        return {"theano": theano.__version__, "theano.config.cxx": theano.config.cxx,
                "theano.config.floatX": theano.config.floatX,
                "theano.config.blas.ldflags": theano.config.blas.ldflags}
