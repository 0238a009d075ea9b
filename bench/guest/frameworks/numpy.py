"""No framework: the yardstick of precision, plain NumPy in float64 or in extended precision."""
from __future__ import absolute_import, division, print_function

from .. import controls, reference
from ..seeding import Unavailable
from .base import Framework


class NumPy(Framework):
    """The control `dtype` says what is computed in; recorded are float64 values, which is all that others have."""

    name = "numpy"

    def configure(self, asked):
        self.dtype = reference.dtype(asked.get("dtype", "float64"))

    def seed(self, value):
        raise Unavailable("seeding 'full': NumPy is the backend here; its recipe is 'numpy'")

    def keras(self):
        return None

    def callback_class(self, keras):
        return reference.Callback

    def model(self, workload, keras, supplied):
        if not supplied:
            raise Unavailable("init 'native': the reference draws no weights; its lane is 'supplied'")
        if getattr(workload, "reference", None) is None:
            raise Unavailable("workload %s has no plain NumPy form" % workload.name)
        return workload.reference(self.dtype)

    def state_of_dtype(self, name, value):
        return controls.read_back(name, value, reference.name(self.dtype), "the arrays that are computed with")

    def facts(self):
        import numpy
        return {"numpy": numpy.__version__, "numpy.longdouble.mantissa_bits": int(numpy.finfo(numpy.longdouble).nmant),
                "numpy.blas": blas(numpy)}


def blas(numpy):
    """The BLAS that NumPy was built with, or that it does not tell."""
    try:
        library = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return "%s %s" % (library["name"], library["version"])
    except (TypeError, KeyError):
        return "not told"
