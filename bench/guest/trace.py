"""What is seen of a fit while it runs: initial weights, and the weights after each epoch.

Read in callbacks only. In TensorFlow 1 reading weights any earlier would initialise variables in two steps
instead of one, add operations to the graph and so change the op seeds of every later model of the process.
"""
from __future__ import absolute_import, division, print_function

import hashlib

from . import bits

#: Trajectories up to this size (bytes a fit) are kept whole; beyond it only their digests.
SMALL = 256 * 1024


def weights_digest(arrays):
    """SHA-256 over the arrays' digests in order: one digest for all weights of a model."""
    digests = [bits.array_digest(*bits.little_endian(array)) for array in arrays]
    return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()


def make(callback_class, level, epochs):
    """A Keras callback with `initial`, `trajectory` (list of lists of arrays, or None) and `digests`."""

    class Trace(callback_class):
        def __init__(self):
            super(Trace, self).__init__()
            self.initial = None
            self.trajectory = None
            self.digests = None

        def on_train_begin(self, logs=None):
            self.initial = [array.copy() for array in self.model.get_weights()]
            if level != "scores":
                small = sum(array.nbytes for array in self.initial) * epochs <= SMALL
                self.trajectory = [] if small else None
                self.digests = None if small else []

        def on_epoch_end(self, epoch, logs=None):
            if level == "scores":
                return
            weights = self.model.get_weights()
            if self.trajectory is None:
                self.digests.append(weights_digest(weights))
            else:
                self.trajectory.append([array.copy() for array in weights])

        def epoch_digests(self):
            """A digest an epoch, or None where the level is `scores`."""
            if self.trajectory is None:
                return self.digests
            return [weights_digest(weights) for weights in self.trajectory]

    return Trace()
