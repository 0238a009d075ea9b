from __future__ import absolute_import, division, print_function

import importlib
import math
import unittest

from guest import bits, equations, models, seeding, trace, workloads
from guest.workloads import base

try:
    import numpy
except ImportError:
    numpy = None

#: The first digits of the digests of data, typed here from one stack: every other must give the same bytes.
DATA = {
    "mlp": {"X": "e9f3879adf5daa4d", "y": "e98be1d70b7efa16"},
    "mlp-wide": {"X": "304edef950edbd0f", "y": "06811f747481b1a3"},
    "dropout": {"X": "ad871693dd0da425", "y": "33604bd970ea27bc"},
    "embedding": {"X": "a7f3b91b6f170d69", "y": "63ef0b250ccb9735"},
    "cnn": {"X": "51d3a968f3186968", "y": "33604bd970ea27bc"},
    "lstm": {"X": "577705978e218e8d", "y": "a28a8a9c31eb087f"},
    "gru": {"X": "577705978e218e8d", "y": "a28a8a9c31eb087f"},
    "transformer": {"X": "577705978e218e8d", "y": "a28a8a9c31eb087f"},
    "scatter": {"X": "66fbc59550795060", "y": "7b7b045ea4fd7295", "sources": "21e17befd18a45dc",
                "targets": "d162828a7db8a6ae"},
    "optimizer-sgd": {"X": "e9f3879adf5daa4d", "y": "e98be1d70b7efa16"},
    "optimizer-rmsprop": {"X": "e9f3879adf5daa4d", "y": "e98be1d70b7efa16"},
    "optimizer-adam": {"X": "e9f3879adf5daa4d", "y": "e98be1d70b7efa16"},
    "optimizer-adamw": {"X": "e9f3879adf5daa4d", "y": "e98be1d70b7efa16"},
}


class Table(unittest.TestCase):
    def test_each_declares_its_weights_and_says_what_it_is(self):
        for name, (module, _) in workloads.WORKLOADS.items():
            file = importlib.import_module("guest.workloads." + module)
            self.assertTrue(file.__doc__.strip(), name)
            for tensor, shape, draw in file.TENSORS:
                self.assertIn(draw, ("glorot", "zeros", "ones", "uniform"), tensor)
                self.assertTrue(all(length > 0 for length in shape), tensor)
            self.assertEqual(workloads.load(name).MASKS, getattr(file, "MASKS", ()))

    def test_unknown_names_the_legal_ones(self):
        try:
            workloads.load("resnet")
        except KeyError as error:
            self.assertIn("mlp-wide", str(error))
        else:
            self.fail("nothing was raised")

    def test_a_keras_without_the_layers_is_unavailable_and_they_are_named(self):
        class Old(object):
            __version__ = "2.0.3"

            class layers(object):
                Dense = None

        try:
            workloads.load("transformer").check(Old)
        except seeding.Unavailable as error:
            self.assertIn("Keras 2.0.3 has no keras.layers.MultiHeadAttention, keras.layers.LayerNormalization",
                          str(error))
        else:
            self.fail("nothing was raised")


@unittest.skipIf(numpy is None, "this Python has no NumPy")
class Data(unittest.TestCase):
    def test_the_same_bytes_on_every_stack(self):
        try:
            import pandas  # noqa: F401
            import sklearn  # noqa: F401
        except ImportError:
            self.skipTest("this Python has no pandas or no scikit-learn")
        self.assertEqual(set(DATA), set(workloads.WORKLOADS))
        for name, wanted in DATA.items():
            data = workloads.load(name).data()
            seen = dict((key, bits.array_digest(*bits.little_endian(value))[:16]) for key, value in data.items())
            self.assertEqual(seen, wanted, name)

    def test_the_score_is_the_mean_cross_entropy(self):
        data = {"y": numpy.array([[1, 0], [0, 1]], "f4")}
        score = base.Workload("x").score
        self.assertAlmostEqual(score(data, numpy.array([[0.5, 0.5], [0.75, 0.25]], "f4")), math.log(8) / 2)
        self.assertEqual(score(data, numpy.array([[0.5, 0.5], [1, 0]], "f4")), float("inf"))
        self.assertTrue(math.isnan(score(data, numpy.array([[0.5, 0.5], [1, float("nan")]], "f4"))))

    def test_of_two_classes_too(self):
        data = {"y": numpy.array([[1], [0]], "f4")}
        score = workloads.load("embedding").score(data, numpy.array([[0.5], [0.75]], "f4"))
        self.assertAlmostEqual(score, math.log(8) / 2)

    def test_predictions_drop_nothing(self):
        """Masks are an input of the fit; asked for predictions, the model gets ones."""
        class Model(object):
            def predict(self, inputs, verbose):
                self.inputs = inputs

        model, mask = Model(), numpy.array([[0, 2], [2, 0]], "f4")
        workloads.load("dropout").predict(model, {"X": numpy.zeros((2, 3))}, [mask])
        self.assertEqual(model.inputs[1].tolist(), [[1, 1], [1, 1]])
        self.assertEqual(mask.tolist(), [[0, 2], [2, 0]])


class Names(unittest.TestCase):
    class Variable(object):
        def __init__(self, name, path=None):
            self.name = name
            if path:
                self.path = path

    def model(self, *variables):
        class Lstm(object):
            weights = variables

        class Model(object):
            layers = [Lstm()]

        return Model()

    def test_one_name_in_every_keras(self):
        old = self.model(*[self.Variable("lstm_3/%s:0" % name) for name in ("kernel", "recurrent_kernel", "bias")])
        new = self.model(*[self.Variable(name, "lstm_7/lstm_cell/" + name)
                           for name in ("kernel", "recurrent_kernel", "bias")])
        self.assertEqual(models.weight_names(old), ["0.lstm/kernel", "0.lstm/recurrent_kernel", "0.lstm/bias"])
        self.assertEqual(models.weight_names(new), models.weight_names(old))

    def test_inner_layers_tell_variables_of_one_name_apart(self):
        model = self.model(*[self.Variable("kernel", "attention/%s/kernel" % inner) for inner in ("query", "key")])
        self.assertEqual(models.weight_names(model), ["0.lstm/query/kernel", "0.lstm/key/kernel"])


class Equations(unittest.TestCase):
    def test_a_keras_that_is_not_in_the_table_is_comparable_with_itself_alone(self):
        seen = equations.of("2.1.0", "theano", ["batchnormalization"], "adam")
        self.assertEqual(seen, {"batchnormalization.moving_variance": "Keras 2.1.0 on theano"})

    def test_only_what_a_model_has_is_stated(self):
        self.assertEqual(equations.of("3.1.0", "jax", ["dense"], "sgd"), {})
        self.assertEqual(list(equations.of("3.1.0", "jax", ["dense"], "rmsprop")), ["rmsprop.step"])
        self.assertEqual(equations.of("3.1.0", "tensorflow", ["embedding"], "sgd"), {})
        self.assertEqual(equations.of("2.3.1", "cntk", ["lstm"], "adam"), {"lstm.output": "c"})
        self.assertEqual([equations.of("2.3.1", name, ["conv2d"], "adam")["conv2d.kernel"]
                          for name in ("theano", "tensorflow")], ["kernel[::-1, ::-1]", "kernel"])

    def test_keras_3_on_tensorflow_squares_an_embeddings_gradient_before_it_sums(self):
        seen = [equations.of(version, framework, ["embedding"], "adam")["embedding.squared_gradient"]
                for version, framework in (("3.1.0", "tensorflow"), ("2.0.3", "tensorflow"), ("3.1.0", "jax"))]
        self.assertEqual(seen, ["sum_p(g_p ** 2)", "sum_p(g_p) ** 2", "sum_p(g_p) ** 2"])


@unittest.skipIf(numpy is None, "this Python has no NumPy")
class Trace(unittest.TestCase):
    class Model(object):
        def __init__(self, size):
            self.weights = [numpy.zeros(size, "f4")]

        def get_weights(self):
            return self.weights

    def follow(self, level, size=4, new=True):
        """A callback of that level that has seen two epochs of two steps."""
        class Callback(object):
            pass

        if new:
            Callback.on_train_batch_end = lambda self, batch, logs=None: None
        seen = trace.make(Callback, lambda model: model.get_weights, level, 2)
        seen.model = self.Model(size)
        seen.on_train_begin()
        step = getattr(seen, "on_train_batch_end" if new else "on_batch_end", None)
        for epoch in range(2):
            for batch in range(2):
                seen.model.weights = [seen.model.weights[0] + 1]
                if step:
                    step(batch, {"loss": 10 * epoch + batch})
            seen.on_epoch_end(epoch)
        return seen

    def test_each_level_keeps_what_it_says(self):
        for level, epochs, steps in (("scores", False, False), ("epochs", True, False), ("steps", True, True),
                                     ("layers", True, False), ("full", True, True)):
            seen = self.follow(level)
            self.assertEqual(seen.epoch_digests() is not None, epochs, level)
            self.assertEqual(seen.step_digests is not None, steps, level)

    def test_a_step_has_its_loss_and_the_weights_after_it(self):
        for new in (True, False):
            seen = self.follow("steps", new=new)
            self.assertEqual(seen.step_losses, [0, 1, 10, 11])
            self.assertEqual(seen.step_digests, [trace.digest([numpy.full(4, n, "f4")]) for n in (1, 2, 3, 4)])

    def test_large_weights_are_kept_only_by_full(self):
        size = trace.SMALL
        self.assertIsNone(self.follow("epochs", size).trajectory)
        self.assertEqual(len(self.follow("epochs", size).digests), 2)
        self.assertEqual(len(self.follow("full", size).trajectory), 2)


if __name__ == "__main__":
    unittest.main()
