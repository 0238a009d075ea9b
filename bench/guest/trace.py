"""What is seen of a fit while it runs: initial weights, and the weights after each step and each epoch.

Read in callbacks only. In TensorFlow 1 reading weights any earlier would initialise variables in two steps
instead of one, add operations to the graph and so change the op seeds of every later model of the process.
"""
from __future__ import absolute_import, division, print_function

import hashlib

from . import bits

#: What is kept besides the results. `scores`: nothing. `epochs`: the weights after each epoch, or their digest.
#: `steps`: that, and the loss and the weights' digest after each batch. `layers`: that of `epochs`, and what each layer
#: gives for the first batch and the first update, replayed at the end (`replay.py`). `full`: all of it, and the weights
#: after each epoch whatever their size.
LEVELS = ("scores", "epochs", "steps", "layers", "full")

#: Trajectories up to this size (bytes a fit) are kept whole; beyond it only their digests.
SMALL = 256 * 1024


def keeps(level, what):
    """Whether a level keeps what is the mark of another: `epochs`, `steps` or `layers`."""
    return level in (what, "full") or (what == "epochs" and level != "scores")


def digest(arrays):
    """SHA-256 over the arrays' digests in order: one digest for all weights of a model."""
    digests = [bits.array_digest(*bits.little_endian(array)) for array in arrays]
    return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()


def make(callback_class, reader, level, epochs):
    """A Keras callback with `initial`, `trajectory` (list of lists of arrays, or None), `digests`, `step_losses` and
    `step_digests`; `reader(model)` gives a function that gives the arrays, which may share memory with the model."""

    class Trace(callback_class):
        def __init__(self):
            super(Trace, self).__init__()
            self.read = None
            self.initial = None
            self.trajectory = None
            self.digests = None
            self.step_losses = [] if keeps(level, "steps") else None
            self.step_digests = [] if keeps(level, "steps") else None

        def on_train_begin(self, logs=None):
            self.read = reader(self.model)
            self.initial = [array.copy() for array in self.read()]
            if keeps(level, "epochs"):
                small = sum(array.nbytes for array in self.initial) * epochs <= SMALL
                self.trajectory = [] if small or level == "full" else None
                self.digests = None if self.trajectory is not None else []

        def on_epoch_end(self, epoch, logs=None):
            if not keeps(level, "epochs"):
                return
            arrays = self.read()
            if self.trajectory is None:
                self.digests.append(digest(arrays))
            else:
                self.trajectory.append([array.copy() for array in arrays])

        def after_step(self, logs):
            synchronise = getattr(self.model, "jax_state_sync", None)  # JAX keeps weights outside until the epoch ends
            if synchronise is not None:
                synchronise()
            self.step_losses.append(float((logs or {}).get("loss", float("nan"))))
            self.step_digests.append(digest(self.read()))

        def epoch_digests(self):
            """A digest an epoch, or None where the level is `scores`."""
            if self.trajectory is None:
                return self.digests
            return [digest(arrays) for arrays in self.trajectory]

    if keeps(level, "steps"):
        # Only where asked for: that a callback has this method at all makes Keras 3 wait for every step.
        name = "on_train_batch_end" if hasattr(callback_class, "on_train_batch_end") else "on_batch_end"
        setattr(Trace, name, lambda self, batch, logs=None: self.after_step(logs))
    return Trace()
