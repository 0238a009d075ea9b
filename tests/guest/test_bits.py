from __future__ import absolute_import, division, print_function

import hashlib
import unittest

from guest import bits

try:
    import numpy
except ImportError:
    numpy = None


def repeat(score="0x1.0p-3", weight="1" * 64):
    return {"initial_weights": [{"name": "k", "sha256": "0" * 64}], "final_weights": [{"name": "k", "sha256": weight}],
            "losses": {"sha256": "2" * 64}, "predictions": {"sha256": "3" * 64}, "score": score,
            "times": {"fit": 1.0}}


class Digests(unittest.TestCase):
    def test_array_digest_covers_dtype_shape_and_bytes(self):
        expected = hashlib.sha256(b"<f4 1,2\n" + b"\x00" * 8).hexdigest()
        self.assertEqual(bits.array_digest("<f4", (1, 2), b"\x00" * 8), expected)

    def test_another_shape_is_another_digest(self):
        seen = set(bits.array_digest("<f4", shape, b"\x00" * 8) for shape in ((2,), (1, 2), (2, 1)))
        self.assertEqual(len(seen), 3)

    def test_numbers_are_exact_and_special_values_spelled(self):
        self.assertEqual(bits.number(0.1), "0x1.999999999999ap-4")
        self.assertEqual(bits.number(float("nan")), "nan")
        self.assertEqual(bits.number(float("-inf")), "-inf")
        self.assertEqual(bits.number(-0.0), "-0x0.0p+0")

    def test_result_digest_states_its_lines(self):
        lines = ("0 initial_weights k " + "0" * 64 + "\n" + "0 final_weights k " + "1" * 64 + "\n"
                 + "0 losses " + "2" * 64 + "\n" + "0 predictions " + "3" * 64 + "\n" + "0 score 0x1.0p-3\n")
        self.assertEqual(bits.result_digest([repeat()]), hashlib.sha256(lines.encode("ascii")).hexdigest())

    def test_times_never_enter_the_result(self):
        slow = dict(repeat(), times={"fit": 9.0})
        self.assertEqual(bits.result_digest([repeat()]), bits.result_digest([slow]))

    def test_score_weights_and_order_enter_the_result(self):
        one, other = repeat(), repeat(score="0x1.1p-3")
        seen = set(bits.result_digest(repeats) for repeats in (
            [one], [other], [repeat(weight="4" * 64)], [one, other], [other, one], [one, one]))
        self.assertEqual(len(seen), 6)


@unittest.skipIf(numpy is None, "needs NumPy")
class Arrays(unittest.TestCase):
    def test_byte_order_and_memory_layout_do_not_matter(self):
        little = numpy.arange(6, dtype="<f4").reshape(2, 3)
        forms = [little, little.astype(">f4"), numpy.asfortranarray(little),
                 numpy.arange(12, dtype="<f4")[::2].reshape(2, 3) / 2]
        self.assertEqual(len(set(bits.array_digest(*bits.little_endian(form)) for form in forms)), 1)

    def test_dtype_matters(self):
        seen = set(bits.array_digest(*bits.little_endian(numpy.zeros(2, dtype))) for dtype in ("<f4", "<f8", "<i4"))
        self.assertEqual(len(seen), 3)

    def test_objects_are_refused(self):
        self.assertRaises(TypeError, bits.little_endian, numpy.array([None, "x"], dtype=object))

    def test_array_file_knows_where_each_array_lies(self):
        arrays = bits.ArrayFile()
        first = arrays.add("a", numpy.array([1.5], "<f4"))
        second = arrays.add("b", numpy.array([[2.5]], "<f8"))
        self.assertEqual((first["offset"], second["offset"], second["shape"]), (0, 4, [1, 1]))
        self.assertEqual(arrays.content(), b"\x00\x00\xc0\x3f" + b"\x00\x00\x00\x00\x00\x00\x04\x40")

    def test_weights_digest_sees_one_bit(self):
        from guest import trace
        one = [numpy.array([1.0, 2.0], "<f4")]
        other = [numpy.array([1.0, numpy.nextafter(numpy.float32(2), numpy.float32(3))], "<f4")]
        self.assertNotEqual(trace.digest(one), trace.digest(other))


if __name__ == "__main__":
    unittest.main()
