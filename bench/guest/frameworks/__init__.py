"""The frameworks under Keras: how each is seeded, how its controls are set, and what they then say.

`prepare` runs before the framework is imported (environment variables), `configure` after its import and
before Keras makes anything, `observe` at the end, when threads and devices can be counted.
"""
from __future__ import absolute_import, division, print_function

import os

from . import controls, ordered_updates
from .seeding import Unavailable


class Theano(object):
    """Theano runs one operation at a time; the threads inside an operation are OpenMP's and the BLAS's."""

    name = "theano"
    has_compile_cache = True

    def prepare(self, asked, compile_folder):
        flags = ["base_compiledir=%s" % compile_folder]
        if "intra_op_threads" in asked:
            os.environ["OMP_NUM_THREADS"] = str(asked["intra_op_threads"])
            flags.append("openmp=%s" % (asked["intra_op_threads"] > 1))
        os.environ["THEANO_FLAGS"] = ",".join(flags)

    def seed(self, value):
        raise Unavailable("seeding 'full': Theano has no seed of its own; its recipe is 'numpy'")

    def configure(self, asked):
        import theano
        self.version = theano.__version__

    def observe(self, asked):
        import theano
        states = []
        for name, value in sorted(asked.items()):
            if name == "intra_op_threads":
                threads = theano.config.openmp and int(os.environ["OMP_NUM_THREADS"]) or 1
                states.append(controls.read_back(name, value, threads, "theano.config.openmp and OMP_NUM_THREADS"))
            elif name == "inter_op_threads":
                states.append(controls.read_back(name, value, 1, "Theano runs one operation at a time"))
            elif name == "ordered_updates":
                states.append(controls.state(name, value, controls.UNVERIFIED,
                                             "Theano is documented to assign after all new values are computed"))
            elif name == "compile_cache":
                states.append(controls.state(name, value, controls.IN_FORCE, "the folder given to base_compiledir"))
            else:
                states.append(not_known(name, value, self.name))
        return states

    def facts(self):
        import theano
        compiler = theano.config.cxx
        return {"theano": theano.__version__, "theano.config.cxx": compiler, "theano.config.floatX":
                theano.config.floatX, "theano.config.blas.ldflags": theano.config.blas.ldflags}

    def devices(self):
        return ["cpu"]


class TensorFlow(object):
    """TensorFlow 1 and 2."""

    name = "tensorflow"
    has_compile_cache = False

    def prepare(self, asked, compile_folder):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    def seed(self, value):
        import tensorflow
        if self.generation(tensorflow) == 1:
            tensorflow.set_random_seed(value)
        else:
            tensorflow.random.set_seed(value)

    @staticmethod
    def generation(tensorflow):
        return int(tensorflow.__version__.split(".")[0])

    def configure(self, asked):
        import tensorflow
        self.threads_started = None
        if self.generation(tensorflow) == 1:
            self.configure_session(tensorflow, asked)
            if asked.get("ordered_updates"):
                ordered_updates.install(tensorflow)
            return
        if "intra_op_threads" in asked:
            tensorflow.config.threading.set_intra_op_parallelism_threads(asked["intra_op_threads"])
        if "inter_op_threads" in asked:
            tensorflow.config.threading.set_inter_op_parallelism_threads(asked["inter_op_threads"])
        if asked.get("op_determinism"):
            tensorflow.config.experimental.enable_op_determinism()

    def configure_session(self, tensorflow, asked):
        """TensorFlow 1 takes threads from the first session of the process, so this one must come first."""
        sizes = dict((key.replace("op_threads", "op_parallelism_threads"), value)
                     for key, value in asked.items() if key.endswith("op_threads"))
        if not sizes:
            return
        before = controls.threads_now()
        session = tensorflow.Session(config=tensorflow.ConfigProto(**sizes))
        if before is not None:
            self.threads_started = controls.threads_now() - before
        from keras import backend
        backend.set_session(session)

    def observe(self, asked):
        import tensorflow
        states = []
        for name, value in sorted(asked.items()):
            if name.endswith("op_threads"):
                states.append(self.threads_state(tensorflow, name, value))
            elif name == "ordered_updates":
                states.append(self.order_state(tensorflow, name, value))
            elif name == "op_determinism":
                states.append(self.determinism_state(name, value))
            else:
                states.append(not_known(name, value, self.name))
        return states

    def threads_state(self, tensorflow, name, value):
        if self.generation(tensorflow) == 1:
            return controls.state(name, value, controls.UNVERIFIED,
                                  "given to the first session; %s threads started with it"
                                  % ("an unknown number of" if self.threads_started is None else self.threads_started))
        getter = "get_%s" % name.replace("op_threads", "op_parallelism_threads")
        return controls.read_back(name, value, getattr(tensorflow.config.threading, getter)(),
                                  "tf.config.threading.%s" % getter)

    def order_state(self, tensorflow, name, value):
        if self.generation(tensorflow) > 1:
            return controls.state(name, value, controls.UNVERIFIED,
                                  "TensorFlow 2 is documented to keep reads and writes of a variable in program order")
        from keras.backend import tensorflow_backend
        ordered = tensorflow_backend.Function.__name__ == "OrderedFunction"
        return controls.read_back(name, value, ordered, "the backend's Function waits for all new values")

    def determinism_state(self, name, value):
        try:
            from tensorflow.python.framework import config
            return controls.read_back(name, value, bool(config.is_op_determinism_enabled()),
                                      "config.is_op_determinism_enabled")
        except (ImportError, AttributeError) as error:
            return controls.state(name, value, controls.NOT_IN_FORCE, "this TensorFlow has no such switch: %s" % error)

    def facts(self):
        import tensorflow
        facts = {"tensorflow": tensorflow.__version__}
        information = getattr(getattr(tensorflow, "sysconfig", None), "get_build_info", None)
        if information:
            facts.update(("tensorflow.build.%s" % key, str(value)) for key, value in information().items())
        return facts

    def devices(self):
        """The devices that this process's tensors were on, as TensorFlow names them."""
        import tensorflow
        if self.generation(tensorflow) == 1:
            from tensorflow.python.client import device_lib
            return sorted(device.name for device in device_lib.list_local_devices())
        return sorted(device.name for device in tensorflow.config.list_logical_devices())


FRAMEWORKS = {"theano": Theano, "tensorflow": TensorFlow}


def named(name):
    """The framework of that name; Unavailable names the legal ones."""
    if name not in FRAMEWORKS:
        raise Unavailable("framework %r: this guest knows %s" % (name, ", ".join(sorted(FRAMEWORKS))))
    return FRAMEWORKS[name]()


def not_known(name, value, framework):
    """A control that means nothing to this framework."""
    return controls.state(name, value, controls.NOT_IN_FORCE, "%s has no such control" % framework)
