from __future__ import absolute_import, division, print_function

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from guest import emulation, launch, process


class Launch(unittest.TestCase):
    def setUp(self):
        self.environment = dict(os.environ)
        self.addCleanup(os.environ.update, self.environment)
        self.addCleanup(os.environ.clear)
        os.environ.pop(launch.MARKER, None)
        os.environ.pop(emulation.EMULATOR, None)
        self.calls = []
        execve, os.execve = os.execve, lambda *arguments: self.calls.append(arguments)
        self.addCleanup(setattr, os, "execve", execve)

    def test_nothing_is_started_anew_for_what_can_be_set_later(self):
        launch.once({"mkl_cbwr": "AVX2", "intra_op_threads": 1}, ["run"])
        self.assertEqual(self.calls, [])
        self.assertNotIn(launch.MARKER, os.environ)

    def test_what_must_be_there_at_the_start_starts_the_guest_anew(self):
        os.environ["PYTHONHASHSEED"] = "7"
        launch.once({"hash_seed": 3, "glibc_tunables": "glibc.malloc.check=1"}, ["run", "JOB", "OUT"])
        (program, words, environment), = self.calls
        self.assertEqual((program, words), (sys.executable, [sys.executable, "-m", "guest", "run", "JOB", "OUT"]))
        self.assertEqual((environment["PYTHONHASHSEED"], environment["GLIBC_TUNABLES"]), ("3", "glibc.malloc.check=1"))
        self.assertEqual(environment[launch.MARKER], "")

    def test_what_is_there_already_is_not_started_anew(self):
        os.environ["PYTHONHASHSEED"] = "3"
        launch.once({"hash_seed": 3}, ["run"])
        self.assertEqual(self.calls, [])

    def test_it_never_loops(self):
        """Whatever the second process lacks, it goes on with that."""
        os.environ[launch.MARKER] = ""
        launch.once({"hash_seed": 3, "aslr": False}, ["run"])
        self.assertEqual(self.calls, [])

    def test_an_emulated_guest_stays_emulated(self):
        os.environ[emulation.EMULATOR] = "/bench/job/qemu -cpu Haswell"
        launch.once({"hash_seed": 3}, ["run"])
        (program, words, _), = self.calls
        self.assertEqual(program, "/bench/job/qemu")
        self.assertEqual(words[:5], ["/bench/job/qemu", "-cpu", "Haswell", sys.executable, "-m"])

    def test_a_kernel_that_refuses_is_told_and_nothing_is_started(self):
        def refusing(value=launch.ASK):
            if value == launch.ASK:
                return 0
            raise OSError(1, "Operation not permitted")

        real, launch.personality = launch.personality, refusing
        self.addCleanup(setattr, launch, "personality", real)
        launch.once({"aslr": False}, ["run"])
        self.assertEqual(self.calls, [])
        seen = process.aslr("aslr", False)
        self.assertEqual(seen["state"], "not in force")
        self.assertIn("errno 1 (EPERM)", seen["evidence"])

    def test_a_kernel_that_grants_it_starts_anew_and_says_so(self):
        given = []

        def granting(value=launch.ASK):
            if value != launch.ASK:
                given.append(value)
            return given[-1] if given else 0

        real, launch.personality = launch.personality, granting
        self.addCleanup(setattr, launch, "personality", real)
        launch.once({"aslr": False}, ["run"])
        self.assertEqual((given, len(self.calls)), ([launch.ADDR_NO_RANDOMIZE], 1))
        self.assertEqual(process.aslr("aslr", False)["state"], "in force")
        self.assertEqual(process.aslr("aslr", True)["state"], "not in force")


class Real(unittest.TestCase):
    @unittest.skipUnless(os.path.exists("/proc/self/environ"), "no /proc")
    def test_the_second_process_has_the_hash_seed_from_its_start(self):
        """A variable that is set too late is not in force; in the process that replaces this one it is."""
        code = ("from __future__ import print_function\n"
                "from guest import launch, process\n"
                "import os\n"
                "launch.once({'hash_seed': 5}, ['run'])\n"
                "print(process.hash_seed('hash_seed', 5)['state'], hash('text'), os.environ.get('EMULATED'))\n")
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        package = os.path.join(folder, "guest")
        os.mkdir(package)
        real = os.path.dirname(os.path.abspath(launch.__file__))
        for name in os.listdir(real):
            if name.endswith(".py") and name != "__main__.py":
                os.symlink(os.path.join(real, name), os.path.join(package, name))
        with open(os.path.join(package, "__main__.py"), "w") as stream:
            stream.write(code)
        environment = dict((key, value) for key, value in os.environ.items()
                           if key not in (launch.MARKER, emulation.EMULATOR, "PYTHONHASHSEED", "PYTHONPATH"))
        answers = [subprocess.check_output([sys.executable, "-m", "guest", "run"], cwd=folder, env=environment)
                   for _ in range(2)]
        self.assertTrue(answers[0].startswith(b"in force "), answers)
        self.assertEqual(answers[0], answers[1])
        through = dict(environment, **{emulation.EMULATOR: "/usr/bin/env EMULATED=1"})
        seen = subprocess.check_output([sys.executable, "-m", "guest", "run"], cwd=folder, env=through)
        self.assertEqual(seen, answers[0].replace(b"None", b"1"))
        late = dict(environment, PYTHONHASHSEED="6", **{launch.MARKER: ""})
        seen = subprocess.check_output([sys.executable, "-m", "guest", "run"], cwd=folder, env=late)
        self.assertIn(b"not in force", seen)

    @unittest.skipUnless(os.path.exists("/proc/self/environ"), "no /proc")
    def test_each_seed_is_in_force_and_none_where_the_environment_is_ignored(self):
        code = ("from __future__ import print_function; import sys; sys.path.insert(0, %r); from guest import process\n"
                "print(process.hash_seed('hash_seed', %d)['state'])")
        folder = os.path.dirname(os.path.dirname(os.path.abspath(launch.__file__)))
        for seed, options, wanted in ((0, [], b"in force\n"), (9, [], b"in force\n"), (9, ["-E"], b"not in force\n"),
                                      (0, ["-E"], b"not in force\n")):
            seen = subprocess.check_output([sys.executable, "-B"] + options + ["-c", code % (folder, seed)],
                                           env=dict(os.environ, PYTHONHASHSEED=str(seed)))
            self.assertEqual(seen, wanted, (seed, options))

    def test_the_kernel_tells_the_personality_of_this_process(self):
        if not hasattr(ctypes.CDLL(None), "personality"):
            self.skipTest("not Linux")
        self.assertGreaterEqual(launch.personality(), 0)


if __name__ == "__main__":
    unittest.main()
