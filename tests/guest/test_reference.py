from __future__ import absolute_import, division, print_function

import math
import unittest

from guest import seeding
from guest.workloads import mlp

try:
    import numpy
    from guest import reference
except ImportError:
    numpy = None


@unittest.skipIf(numpy is None, "this Python has no NumPy")
class Reference(unittest.TestCase):
    """The yardstick against equations that are not its own code."""

    def setUp(self):
        random = numpy.random.RandomState(3)
        self.start = [random.uniform(-1, 1, shape) for shape in ((1, 10), (10,), (10, 1), (1,))]
        self.x = numpy.arange(9) / 10.0
        self.y = numpy.arange(1, 10) / 10.0

    def test_a_dtype_that_numpy_has_not_is_unavailable(self):
        self.assertRaises(seeding.Unavailable, reference.dtype, "mixed_bfloat16")

    def model(self, kind):
        model = mlp.reference(kind)
        model.set_weights(self.start)
        return model

    def loss(self, weights):
        """The mean squared error with the sums written out, in Python's own floats."""
        kernel, bias, out, last = weights
        errors = []
        for x, y in zip(self.x, self.y):
            hidden = [float(x) * float(kernel[0, unit]) + float(bias[unit]) for unit in range(10)]
            errors.append(sum(hidden[unit] * float(out[unit, 0]) for unit in range(10)) + float(last[0]) - float(y))
        return sum(error * error for error in errors) / len(errors)

    def test_the_loss_is_the_mean_squared_error(self):
        history = mlp.fit(self.model(numpy.float64), {"X": self.x, "y": self.y}, 1, True, [])
        self.assertAlmostEqual(history.history["loss"][0], self.loss(self.start), places=14)

    def test_the_first_update_is_adams_along_the_gradient(self):
        """After one step of Adam each weight has moved by rate sqrt(1-b2) g / (sqrt(1-b2) |g| + epsilon)."""
        model = self.model(numpy.float64)
        mlp.fit(model, {"X": self.x, "y": self.y}, 1, True, [])
        scale, step, small = math.sqrt(1 - 0.999), 0.001, 1e-6
        for place, (before, after) in enumerate(zip(self.start, model.get_weights())):
            for index in numpy.ndindex(*before.shape):
                sides = []
                for sign in (1, -1):
                    moved = [numpy.array(one) for one in self.start]
                    moved[place][index] += sign * small
                    sides.append(self.loss(moved))
                gradient = (sides[0] - sides[1]) / (2 * small)
                wanted = step * scale * gradient / (scale * abs(gradient) + 1e-7)
                self.assertAlmostEqual(before[index] - after[index], wanted, delta=1e-9)

    def test_a_wider_type_changes_the_end_by_rounding_and_no_more(self):
        ends = []
        for kind in (numpy.float32, numpy.float64, numpy.longdouble):
            model = self.model(kind)
            mlp.fit(model, {"X": self.x, "y": self.y}, 100, True, [])
            ends.append(numpy.concatenate([one.reshape(-1) for one in model.get_weights()]))
        single, double = (abs(end - ends[2]).max() for end in ends[:2])
        self.assertTrue(1e-9 < single < 1e-4, single)
        self.assertTrue(0 <= double < 1e-12, double)

    def test_what_leaves_is_float64(self):
        model = self.model(numpy.longdouble)
        self.assertEqual(set(one.dtype for one in model.get_weights()), {numpy.dtype("f8")})
        self.assertEqual(mlp.predict(model, {"X": self.x}).dtype, numpy.dtype("f8"))

    def test_another_batch_or_order_is_refused(self):
        model = self.model(numpy.float64)
        self.assertRaises(ValueError, model.fit, self.x, self.y, 1, 3, False, [])
        self.assertRaises(ValueError, model.fit, self.x, self.y, 1, 9, True, [])

    def test_it_draws_no_weights(self):
        from guest import frameworks
        self.assertRaises(seeding.Unavailable, frameworks.named("numpy").model, mlp, None, False)


if __name__ == "__main__":
    unittest.main()
