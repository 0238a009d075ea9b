"""What all frameworks share."""
from __future__ import absolute_import, division, print_function

import os

from .. import controls, libraries, models, process
from ..seeding import Unavailable

#: An empty list hides every NVIDIA GPU from CUDA, so a CPU backend computes on the CPU wherever it runs.
VISIBLE = "CUDA_VISIBLE_DEVICES"

#: The dtype that is a policy: weights in float32, products of them in bfloat16.
MIXED = "mixed_bfloat16"


class Framework(object):
    """A framework as far as nothing of it is needed. The method `state_of_<control>` tells what became of a control;
    those of the process, and of the `libraries` that a framework loads, are told for all of them in one place."""

    name = None
    has_compile_cache = False
    libraries = ("numpy_cpu_features", "openblas_coretype")
    asked = {}
    built = None

    def prepare(self, asked, accelerator, compile_folder):
        """Environment variables, before the import."""
        self.asked = asked
        if accelerator == "cpu":
            os.environ[VISIBLE] = ""

    def seed(self, value):
        """The backend's own seed, of seeding `full`."""
        raise NotImplementedError

    def configure(self, asked):
        """The framework's own switches, after its import and before Keras is imported."""
        raise NotImplementedError

    def keras(self):
        """The Keras that runs on this framework; None for one that is used without it."""
        import keras
        return keras

    def set_dtype(self, keras, name):
        """What Keras computes in, before it makes any model."""
        if name != MIXED:
            models.set_dtype(keras, name)
        elif hasattr(getattr(keras, "config", None), "set_dtype_policy"):
            keras.config.set_dtype_policy(name)
        else:
            raise Unavailable("dtype %r: Keras %s has no dtype policies" % (str(name), keras.__version__))

    def model(self, workload, keras, supplied):
        """A fresh model of a workload."""
        self.built = workload.build(keras, supplied)
        if self.asked.get("dtype") == MIXED:
            self.built.predict = widened(self.built.predict)
        return self.built

    def callback_class(self, keras):
        """What a callback of a fit derives from."""
        return keras.callbacks.Callback

    def reader(self, model):
        """A function of no arguments that gives the model's weights, in the order of `get_weights`; they may share
        memory with the model. Made when training begins: what can be looked up once is not looked up each epoch."""
        return model.get_weights

    def gpus(self):
        """Names of the GPUs that the framework can compute on."""
        return []

    def placement(self, model):
        """Where the model's weights are after training: `cpu`, or `gpu:0` and so on; sorted, each once."""
        return ["cpu"]

    def facts(self):
        """Versions and settings that the framework tells of itself: {name: value}."""
        raise NotImplementedError

    def teller(self, name):
        """What tells of a control, a function of its name and value; None where the framework has no such control."""
        if name in process.STATES:
            return process.STATES[name]
        if name in self.libraries:
            return libraries.STATES[name]
        return getattr(self, "state_of_" + name, None)

    def state(self, name, value):
        """What became of one control; None where the framework has no such control."""
        tell = self.teller(name)
        return tell(name, value) if tell else None

    def observe(self, asked):
        """What became of each control that was asked for, by name."""
        return [self.state(name, value) or not_known(name, value, self.name) for name, value in sorted(asked.items())]

    def state_of_dtype(self, name, value):
        if value == MIXED:
            return controls.read_back(name, value, self.keras().config.dtype_policy().name, "keras.config.dtype_policy")
        return controls.read_back(name, value, self.keras().backend.floatx(), "keras.backend.floatx")


class Traced(Framework):
    """A framework under Keras 3, which traces a model's training step and may have it compiled. Both are settings of
    the compiled model, read when the first fit makes the step."""

    def model(self, workload, keras, supplied):
        model = super(Traced, self).model(workload, keras, supplied)
        if "jit" in self.asked and hasattr(type(model), "jit_compile"):
            model.jit_compile = self.asked["jit"]
        if "eager" in self.asked and hasattr(type(model), "run_eagerly"):
            model.run_eagerly = self.asked["eager"]
            model.jit_compile = model.jit_compile and not self.asked["eager"]
        return model

    def setting(self, name, value, attribute):
        if not hasattr(type(self.built), attribute):
            return controls.state(name, value, controls.NOT_IN_FORCE, "a model of this Keras has no %s" % attribute)
        return controls.read_back(name, value, getattr(self.built, attribute), "the model's %s" % attribute)

    def state_of_jit(self, name, value):
        return self.setting(name, value, "jit_compile")

    def state_of_eager(self, name, value):
        return self.setting(name, value, "run_eagerly")


def widened(predict):
    """A model's `predict` with bfloat16 as float32, which has each of its values; scores are computed from NumPy's own
    dtypes alone."""
    def as_float32(*arguments, **options):
        return predict(*arguments, **options).astype("float32")

    return as_float32


def not_known(name, value, framework):
    """A control that means nothing to this framework."""
    return controls.state(name, value, controls.NOT_IN_FORCE, "%s has no such control" % framework)


def add_flags(variable, flags):
    """Appends words to an environment variable that holds flags, such as XLA_FLAGS."""
    os.environ[variable] = " ".join([word for word in [os.environ.get(variable)] if word] + flags)


def short(device):
    """`cpu` or `gpu:N` of a device as a framework names it: `/job:.../device:GPU:0`, `cuda:0`, `cpu`."""
    text = str(device).lower().replace("cuda", "gpu")
    if "gpu" not in text:
        return "cpu"
    number = text.rpartition(":")[2]
    return "gpu:%s" % (number if number.isdigit() else "0")
