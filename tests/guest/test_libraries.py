from __future__ import absolute_import, division, print_function

import unittest

from guest import libraries

try:
    import numpy
except ImportError:
    numpy = None


class Libraries(unittest.TestCase):
    def setUp(self):
        for name in ("mapped", "told"):
            self.addCleanup(setattr, libraries, name, getattr(libraries, name))

    def test_every_loaded_copy_must_say_so(self):
        for answers, wanted in (([], "not in force"), ([(b"Haswell")], "in force"), ([b"haswell"], "in force"),
                                ([b"Haswell", b"SkylakeX"], "not in force")):
            libraries.told = lambda *_: [("libopenblas.so", answer) for answer in answers]
            seen = libraries.openblas_coretype("openblas_coretype", "Haswell")
            self.assertEqual(seen["state"], wanted, answers)
        libraries.told = lambda *_: [("libopenblas.so", b"Atom")]
        self.assertEqual(libraries.openblas_coretype("openblas_coretype", "Nehalem")["state"], "in force")

    def test_mkl_names_its_code_path_strict_or_not(self):
        for answer, wanted in ((3, "in force"), (3 | 1 << 16, "in force"), (2, "not in force"), (99, "not in force")):
            libraries.told = lambda *_: [("libmkl_rt.so", answer)]
            self.assertEqual(libraries.mkl_cbwr("mkl_cbwr", "COMPATIBLE")["state"], wanted, answer)

    def test_a_process_without_the_library_has_nothing_in_force(self):
        libraries.mapped = lambda pattern: []
        for name, value in (("openblas_coretype", "Haswell"), ("mkl_cbwr", "AVX2"), ("omp_wait_policy", "PASSIVE")):
            seen = libraries.STATES[name](name, value)
            self.assertEqual(seen["state"], "not in force", name)
            self.assertIn("has loaded no", seen["evidence"])

    def test_intels_openmp_sleeps_at_once_if_it_is_passive(self):
        libraries.mapped = lambda pattern: ["/x/libiomp5.so"] if "iomp5" in pattern else []
        for milliseconds, wanted in ((0, "in force"), (200, "not in force")):
            libraries.told = lambda *_: [("libiomp5.so", milliseconds)]
            self.assertEqual(libraries.omp_wait_policy("omp_wait_policy", "PASSIVE")["state"], wanted)

    @unittest.skipIf(numpy is None, "this Python has no NumPy")
    def test_a_feature_that_numpy_uses_is_not_disabled(self):
        seen = libraries.numpy_cpu_features("numpy_cpu_features", "NO_SUCH_FEATURE")
        self.assertEqual(seen["state"], "not in force")


if __name__ == "__main__":
    unittest.main()
