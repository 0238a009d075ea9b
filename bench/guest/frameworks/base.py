"""What all frameworks share."""
from __future__ import absolute_import, division, print_function

import os

from .. import controls

#: An empty list hides every NVIDIA GPU from CUDA, so a CPU backend computes on the CPU wherever it runs.
VISIBLE = "CUDA_VISIBLE_DEVICES"


class Framework(object):
    """A framework as far as nothing of it is needed. `states` maps a control to the method that reads it back."""

    name = None
    has_compile_cache = False

    def prepare(self, asked, accelerator, compile_folder):
        """Environment variables, before the import."""
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

    def model(self, workload, keras, supplied):
        """A fresh model of a workload."""
        return workload.build(keras, supplied)

    def callback_class(self, keras):
        """What a callback of a fit derives from."""
        return keras.callbacks.Callback

    def gpus(self):
        """Names of the GPUs that the framework can compute on."""
        return []

    def placement(self, model):
        """Where the model's weights are after training: `cpu`, or `gpu:0` and so on; sorted, each once."""
        return ["cpu"]

    def facts(self):
        """Versions and settings that the framework tells of itself: {name: value}."""
        raise NotImplementedError

    def state(self, name, value):
        """What became of one control; None where the framework has no such control."""
        method = getattr(self, "state_of_" + name, None)
        return method(name, value) if method else None

    def observe(self, asked):
        """What became of each control that was asked for, by name."""
        return [self.state(name, value) or not_known(name, value, self.name) for name, value in sorted(asked.items())]

    def state_of_dtype(self, name, value):
        seen = self.keras().backend.floatx()
        return controls.read_back(name, value, seen, "keras.backend.floatx")


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
