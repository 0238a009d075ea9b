"""Theano, compiled with g++ at run time."""
from __future__ import absolute_import, division, print_function

import os

from .. import controls
from ..seeding import Unavailable
from .base import Framework


class Theano(Framework):
    """Theano runs one operation at a time; the threads inside an operation are OpenMP's and the BLAS's."""

    name = "theano"
    has_compile_cache = True

    def prepare(self, asked, accelerator, compile_folder):
        super(Theano, self).prepare(asked, accelerator, compile_folder)
        flags = ["base_compiledir=%s" % compile_folder]
        if "intra_op_threads" in asked:
            os.environ["OMP_NUM_THREADS"] = str(asked["intra_op_threads"])
            flags.append("openmp=%s" % (asked["intra_op_threads"] > 1))
        if "dtype" in asked:
            flags.append("floatX=%s" % asked["dtype"])
        os.environ["THEANO_FLAGS"] = ",".join(flags)

    def seed(self, value):
        raise Unavailable("seeding 'full': Theano has no seed of its own; its recipe is 'numpy'")

    def configure(self, asked):
        import theano
        self.version = theano.__version__

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
