"""TensorFlow 1 and 2."""
from __future__ import absolute_import, division, print_function

import os

from .. import controls, ordered_updates
from .base import Traced, add_flags, short

#: Controls that TensorFlow takes from a variable and does not tell again: control -> {value: variable's text}.
VARIABLES = {
    "cudnn_autotune": ("TF_CUDNN_USE_AUTOTUNE", {True: "1", False: "0"}),
    "cudnn_deterministic": ("TF_CUDNN_DETERMINISTIC", {True: "1", False: "0"}),
    "onednn": ("TF_ENABLE_ONEDNN_OPTS", {True: "1", False: "0"}),
}


class TensorFlow(Traced):
    """TensorFlow as Keras 2 (graph and session) and Keras 3 (eager, tf.function) use it."""

    name = "tensorflow"

    def prepare(self, asked, accelerator, compile_folder):
        super(TensorFlow, self).prepare(asked, accelerator, compile_folder)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # All of a GPU's memory at once is of no use here, and hinders a second process on it.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        for name, (variable, texts) in VARIABLES.items():
            if name in asked:
                os.environ[variable] = texts[asked[name]]
        if asked.get("op_determinism") and accelerator == "gpu":
            add_flags("XLA_FLAGS", ["--xla_gpu_deterministic_ops=true"])

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
        if "tf32" in asked:
            tensorflow.config.experimental.enable_tensor_float_32_execution(asked["tf32"])

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

    def state_of_intra_op_threads(self, name, value):
        import tensorflow
        if self.generation(tensorflow) == 1:
            return controls.state(name, value, controls.UNVERIFIED,
                                  "given to the first session; %s threads started with it"
                                  % ("an unknown number of" if self.threads_started is None else self.threads_started))
        getter = "get_%s" % name.replace("op_threads", "op_parallelism_threads")
        return controls.read_back(name, value, getattr(tensorflow.config.threading, getter)(),
                                  "tf.config.threading.%s" % getter)

    state_of_inter_op_threads = state_of_intra_op_threads

    def state_of_ordered_updates(self, name, value):
        import tensorflow
        if self.generation(tensorflow) > 1:
            return controls.state(name, value, controls.UNVERIFIED,
                                  "TensorFlow 2 is documented to keep reads and writes of a variable in program order")
        return controls.read_back(name, value, ordered_updates.installed(),
                                  "the backend's function waits for all new values")

    def state_of_op_determinism(self, name, value):
        try:
            from tensorflow.python.framework import config
            return controls.read_back(name, value, bool(config.is_op_determinism_enabled()),
                                      "config.is_op_determinism_enabled")
        except (ImportError, AttributeError) as error:
            return controls.state(name, value, controls.NOT_IN_FORCE, "this TensorFlow has no such switch: %s" % error)

    def state_of_tf32(self, name, value):
        import tensorflow
        if self.generation(tensorflow) == 1:
            return None
        seen = tensorflow.config.experimental.tensor_float_32_execution_enabled()
        return controls.read_back(name, value, seen, "tf.config.experimental.tensor_float_32_execution_enabled")

    def state_of_onednn(self, name, value):
        seen = onednn_used()
        if seen is None:
            return controls.state(name, value, controls.NOT_IN_FORCE, "this TensorFlow has no such switch")
        return controls.read_back(name, value, seen, "IsMklEnabled")

    def state_of_onednn_isa(self, name, value):
        if not onednn_used():
            return controls.state(name, value, controls.NOT_IN_FORCE, "this TensorFlow does not use oneDNN")
        return controls.state(name, value, controls.UNVERIFIED, "ONEDNN_MAX_CPU_ISA=%s, set before the import; the "
                              "oneDNN inside TensorFlow does not tell" % os.environ.get("ONEDNN_MAX_CPU_ISA"))

    def state_of_variable(self, name, value):
        variable = VARIABLES[name][0] if name in VARIABLES else "CUBLAS_WORKSPACE_CONFIG"
        return controls.state(name, value, controls.UNVERIFIED, "%s=%s, set before the import"
                              % (variable, os.environ.get(variable)))

    state_of_cudnn_autotune = state_of_cudnn_deterministic = state_of_cublas_workspace = state_of_variable

    def reader(self, model):
        """TensorFlow 1's by one prepared call of the session: that of `get_weights`, without the Python around it,
        which takes longer than the call."""
        import tensorflow
        if self.generation(tensorflow) > 1:
            return super(TensorFlow, self).reader(model)
        # By layer, as `get_weights` has them: in Keras 2 `model.weights` has those last that are not trained.
        return session_reader([one for layer in model.layers for one in layer.weights])

    def gpus(self):
        import tensorflow
        if self.generation(tensorflow) == 1:
            from tensorflow.python.client import device_lib
            return sorted(short(one.name) for one in device_lib.list_local_devices() if one.device_type == "GPU")
        return sorted(short(one.name) for one in tensorflow.config.list_logical_devices("GPU"))

    def placement(self, model):
        import tensorflow
        if self.generation(tensorflow) == 1:
            return self.gpus() or ["cpu"]  # a graph's variables do not say; TensorFlow 1 puts them on a GPU if it can
        return sorted(set(short(getattr(one.value, "device", None) or one.device) for one in model.weights))

    def facts(self):
        import tensorflow
        facts = {"tensorflow": tensorflow.__version__}
        information = getattr(getattr(tensorflow, "sysconfig", None), "get_build_info", None)
        if information:
            facts.update(("tensorflow.build.%s" % key, str(value)) for key, value in information().items())
        if self.generation(tensorflow) > 1:
            experimental = tensorflow.config.experimental
            facts["tensorflow.tf32"] = experimental.tensor_float_32_execution_enabled()
            for place, gpu in enumerate(tensorflow.config.list_physical_devices("GPU")):
                for key, value in sorted(experimental.get_device_details(gpu).items()):
                    facts["tensorflow.gpu%d.%s" % (place, key)] = value
        return facts


def session_reader(variables):
    """A function that gives the values of TensorFlow 1's variables, in their order, as NumPy arrays."""
    from keras import backend
    session = backend.get_session()  # initialises what is not
    if hasattr(session, "make_callable"):
        return session.make_callable(list(variables))
    # TensorFlow 1.1, frozen since 2017: its C interface with the arguments that Session.run comes to.
    from tensorflow.python.framework import errors
    from tensorflow.python.pywrap_tensorflow import TF_Run
    names = [session.graph.as_graph_element(one).name.encode("ascii") for one in variables]

    def read():
        with errors.raise_exception_on_not_ok_status() as status:
            return TF_Run(session._session, None, {}, names, [], status, None)

    return read


def onednn_used():
    """Whether TensorFlow takes oneDNN's operations; None for a TensorFlow that does not tell, which has none."""
    try:
        from tensorflow.python.util import _pywrap_util_port
        return bool(_pywrap_util_port.IsMklEnabled())
    except (ImportError, AttributeError):
        return None
