from __future__ import absolute_import, division, print_function

import os
import time
import unittest

from guest import controls, launch, process


class Process(unittest.TestCase):
    def setUp(self):
        environment = dict(os.environ)
        self.addCleanup(os.environ.update, environment)
        self.addCleanup(os.environ.clear)

    def test_neighbours_are_busy_until_the_end(self):
        """In force while they take a processor; gone afterwards, and then not in force."""
        process.begin({"load": 1})
        self.addCleanup(process.end)
        pid = process.neighbours[0].pid
        deadline = time.time() + 20
        while not process.taken(pid) and time.time() < deadline:
            time.sleep(0.05)
        self.assertEqual(process.load("load", 1)["state"], "in force")
        self.assertEqual(process.load("load", 2)["state"], "not in force")
        process.end()
        self.assertFalse(os.path.exists("/proc/%d" % pid))
        self.assertEqual(process.load("load", 1)["evidence"], "CPU seconds of the neighbours: none")

    def test_a_neighbour_that_died_is_not_in_force(self):
        process.begin({"load": 1})
        self.addCleanup(process.end)
        process.neighbours[0].kill()
        process.neighbours[0].wait()
        self.assertEqual(process.load("load", 1)["state"], "not in force")

    def test_a_process_keeps_the_processors_that_it_is_left(self):
        before = process.allowed()
        child = os.fork()
        if not child:  # what is given up does not come back to a parent that needs it
            process.begin({"cpu_affinity": 1})
            good = process.cpu_affinity("cpu_affinity", 1)["state"] == "in force" and process.allowed() == before[:1]
            os._exit(0 if good else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(process.allowed(), before)

    def test_more_processors_than_there_are_are_not_in_force(self):
        seen = process.cpu_affinity("cpu_affinity", 100000)
        self.assertEqual(seen["state"], "not in force")

    def test_a_variable_that_is_set_too_late_is_not_in_force(self):
        os.environ["GLIBC_TUNABLES"] = "glibc.cpu.hwcaps=-AVX2"
        os.environ["PYTHONHASHSEED"] = "12345"
        for name, value in (("glibc_tunables", "glibc.cpu.hwcaps=-AVX2"), ("hash_seed", 12345)):
            self.assertEqual(process.STATES[name](name, value)["state"], "not in force", name)

    def test_what_glibc_tells_decides(self):
        real = launch.at_start, process.feature, process.libc
        self.addCleanup(setattr, launch, "at_start", real[0])
        self.addCleanup(setattr, process, "feature", real[1])
        self.addCleanup(setattr, process, "libc", real[2])
        asked = "glibc.cpu.hwcaps=-AVX2,-FMA"
        launch.at_start = lambda variable: asked
        for version, active, wanted in (((2, 41), False, "in force"), ((2, 41), True, "not in force"),
                                        ((2, 31), None, "unverified"), ((2, 19), None, "not in force"),
                                        (None, None, "not in force")):
            process.libc, process.feature = lambda: version, lambda name: active
            self.assertEqual(process.glibc_tunables("glibc_tunables", asked)["state"], wanted, version)
        asked = "glibc.malloc.check=1"
        process.libc = lambda: (2, 41)
        self.assertEqual(process.glibc_tunables("glibc_tunables", asked)["state"], "unverified")

    def test_variables_are_set_before_anything_is_loaded(self):
        process.begin({"mkl_cbwr": "AVX2", "intra_op_threads": 3})
        self.assertEqual(os.environ["MKL_CBWR"], "AVX2")

    def test_what_c_code_prints_is_caught_and_what_follows_is_not(self):
        text = controls.printed(1, lambda: os.write(1, b"caught\n"))
        self.assertEqual(text, "caught\n")


if __name__ == "__main__":
    unittest.main()
