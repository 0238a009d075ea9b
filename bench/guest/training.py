"""The fits of a run: build, fit, predict, score, and what each left."""
from __future__ import absolute_import, division, print_function

import time

from . import bits, models, replay, trace


class Fit(object):
    """What one repeat left behind, as NumPy values; `record` turns it into the record's form."""

    def __init__(self, names, observed, final, state, losses, predictions, score, times):
        self.names = names
        self.observed = observed
        self.final = final
        self.state = state
        self.losses = losses
        self.predictions = predictions
        self.score = score
        self.times = times
        self.replayed = None

    def record(self, arrays):
        import numpy

        def entries(values):
            return [arrays.add(name, value) for name, value in zip(self.names, values)]

        def numbers(name, values):
            return arrays.add(name, numpy.asarray(values, dtype="<f8"))

        seen = self.observed
        return {
            "initial_weights": entries(seen.initial),
            "final_weights": entries(self.final),
            "predictions": arrays.add("predictions", self.predictions),
            "losses": numbers("losses", self.losses),
            "trajectory": entries([numpy.stack(list(one)) for one in zip(*seen.trajectory)]) if seen.trajectory
            else None,
            "epoch_digests": seen.epoch_digests(),
            "steps": None if seen.step_digests is None else
            {"losses": numbers("losses of steps", seen.step_losses), "digests": seen.step_digests},
            "replay": None if self.replayed is None else
            {"activations": [arrays.add(*one) for one in self.replayed[0]], "updates": entries(self.replayed[1])},
            "optimizer_digest": trace.digest(self.state),
            "score": bits.number(self.score),
            "times": self.times,
        }


def fit_once(framework, keras, workload, data, job, supplied, masks, clock=time.time):
    """One fresh model, trained and scored; (Fit, model)."""
    started = clock()
    model = framework.model(workload, keras, supplied is not None)
    if supplied is not None:
        model.set_weights(supplied)
    observed = trace.make(framework.callback_class(keras), framework.reader, job["trace"], job["epochs"])
    built = clock()
    history = workload.fit(model, data, masks, job["epochs"], shuffles(workload, job), [observed])
    fitted = clock()
    predictions = workload.predict(model, data, masks)
    predicted = clock()
    score = workload.score(data, predictions)
    times = {"build": built - started, "fit": fitted - built, "predict": predicted - fitted}
    fit = Fit(models.weight_names(model), observed, model.get_weights(), models.optimizer_state(keras, model),
              history.history["loss"], predictions, score, times)
    return fit, model


def shuffles(workload, job):
    """Whether the order of the samples is Keras's; in the supplied lane it is given."""
    return workload.SHUFFLES and job["init"] == "native"


def train(framework, keras, workload, job, supplied, masks):
    """All repeats of a job: (Fits, workload's part of the record, devices). Nothing is encoded between fits.

    `supplied` are the initial weights of each repeat, `masks` arrays whose first axis is the repeat; None in the
    native lane.
    """
    if keras is not None:
        workload.check(keras)
    data = workload.data()
    fits = []
    for index in range(job["repeats"]):
        chosen = [mask[index] for mask in masks] if supplied else None
        fit, model = fit_once(framework, keras, workload, data, job, supplied[index] if supplied else None, chosen)
        fits.append(fit)
    about = description(framework, keras, workload, data, job, masks, model)
    devices = framework.placement(model)
    if trace.keeps(job["trace"], "layers") and keras is not None:
        fits[0].replayed = replay.first_batch(framework, keras, workload, data, [mask[0] for mask in masks or []],
                                              supplied is not None, fits[0].observed.initial)
    return fits, about, devices


def description(framework, keras, workload, data, job, masks, model):
    """The workload's part of the record: what was trained, on what, by which rules."""
    steps = workload.steps_per_epoch(data)
    arguments = {"epochs": str(job["epochs"]), "loss": str(model.loss), "steps_per_epoch": str(steps),
                 "shuffle": str(shuffles(workload, job))}
    seen = dict(data, **dict((name, mask) for (name, _, _), mask in zip(workload.MASKS, masks or [])))
    return {
        "name": workload.name,
        "score": workload.SCORE,
        "steps_per_epoch": steps,
        "data": dict((name, bits.array_digest(*bits.little_endian(array))) for name, array in seen.items()),
        "hyperparameters": models.compared_hyperparameters(keras, framework.name, model, arguments),
        "configuration": models.configuration(model),
    }
