"""The fits of a run: build, fit, predict, score, and what each left."""
from __future__ import absolute_import, division, print_function

import time

from . import bits, models, trace


class Fit(object):
    """What one repeat left behind, as NumPy values; `record` turns it into the record's form."""

    def __init__(self, names, observed, final, losses, predictions, score, times):
        self.names = names
        self.observed = observed
        self.final = final
        self.losses = losses
        self.predictions = predictions
        self.score = score
        self.times = times

    def record(self, arrays):
        import numpy

        def entries(values):
            return [arrays.add(name, value) for name, value in zip(self.names, values)]

        steps = self.observed.trajectory
        return {
            "initial_weights": entries(self.observed.initial),
            "final_weights": entries(self.final),
            "predictions": arrays.add("predictions", self.predictions),
            "losses": arrays.add("losses", numpy.asarray(self.losses, dtype="<f8")),
            "trajectory": entries([numpy.stack(list(one)) for one in zip(*steps)]) if steps else None,
            "epoch_digests": self.observed.epoch_digests(),
            "score": bits.number(self.score),
            "times": self.times,
        }


def fit_once(framework, keras, workload, data, job, supplied, clock=time.time):
    """One fresh model, trained and scored; (Fit, model)."""
    started = clock()
    model = framework.model(workload, keras, supplied is not None)
    if supplied is not None:
        model.set_weights(supplied)
    observed = trace.make(framework.callback_class(keras), job["trace"], job["epochs"])
    built = clock()
    history = workload.fit(model, data, job["epochs"], supplied is not None, [observed])
    fitted = clock()
    predictions = workload.predict(model, data)
    predicted = clock()
    score = workload.score(data, predictions)
    times = {"build": built - started, "fit": fitted - built, "predict": predicted - fitted}
    fit = Fit(models.weight_names(model), observed, model.get_weights(), history.history["loss"], predictions, score,
              times)
    return fit, model


def train(framework, keras, workload, job, supplied):
    """All repeats of a job: (Fits, workload's part of the record, devices). Nothing is encoded between fits."""
    data = workload.data()
    fits = []
    for index in range(job["repeats"]):
        fit, model = fit_once(framework, keras, workload, data, job, supplied[index] if supplied else None)
        fits.append(fit)
    arguments = {"epochs": str(job["epochs"]), "loss": str(model.loss), "steps_per_epoch": str(workload.STEPS_PER_EPOCH),
                 "shuffle": str(supplied is None)}
    about = {
        "name": job["workload"],
        "score": workload.SCORE,
        "steps_per_epoch": workload.STEPS_PER_EPOCH,
        "data": dict((name, bits.array_digest(*bits.little_endian(array))) for name, array in data.items()),
        "hyperparameters": models.compared_hyperparameters(model, arguments),
        "configuration": models.configuration(model),
    }
    return fits, about, framework.placement(model)
