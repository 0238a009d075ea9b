"""The first batch once more, after all fits are over: what each layer gives for it, and the first update.

Nothing of the training itself is disturbed, since it has ended; what is found here is not the training either, but
the same model from the same initial weights. A record says so: these stages are `replayed`. The samples are the first
of the data, which in the native lane need not be those of the first batch; layers are asked as for predictions.
"""
from __future__ import absolute_import, division, print_function


def first_batch(framework, keras, workload, data, masks, supplied, initial):
    """(activations: [(name, array)] for each layer, updates: [array] for each weight, new minus old).

    `initial` are the initial weights of the first fit; `masks` its masks, or None.
    """
    from . import models
    rows = workload.BATCH_SIZE
    model = framework.model(workload, keras, supplied)
    model.set_weights(initial)
    layers = [(place, layer) for place, layer in enumerate(model.layers) if models.kind_of(layer) != "inputlayer"]
    probe = keras.models.Model(inputs=model.inputs, outputs=[layer.output for _, layer in layers])
    inputs = workload.inputs(data, masks, rows)
    values = probe.predict(inputs, batch_size=rows, verbose=0)
    values = values if isinstance(values, (list, tuple)) else [values]
    names = ["%d.%s" % (place, models.kind_of(layer)) for place, layer in layers]
    model.train_on_batch(inputs, data["y"][:rows])
    updates = [new - old for new, old in zip(model.get_weights(), initial)]
    return list(zip(names, values)), updates
