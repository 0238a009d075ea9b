from __future__ import absolute_import, division, print_function

import io
import json
import os
import shutil
import sys
import tempfile
import types
import unittest

from guest import __main__ as main
from guest import compile_cache, controls, frameworks, seeding
from guest.frameworks import base

JOB = {"schema": 1, "cell": "mlp/x/numpy/native/default", "workload": "mlp", "backend": "x", "framework": "theano",
       "accelerator": "cpu",
       "seeding": "numpy", "init": "native", "preset": "default", "controls": {},
       "seeds": {"numpy": 1, "backend": 2, "keras": 3}, "repeats": 1, "epochs": 1, "trace": "epochs"}


class Keras(object):
    """A stand-in for the module, old or new."""

    def __init__(self, calls=None):
        self.__version__ = "9"
        self.utils = types.ModuleType("utils")
        if calls is not None:
            self.utils.set_random_seed = lambda seed: calls.append(("keras", seed))


class Seeding(unittest.TestCase):
    def test_full_seeds_the_backend_before_keras_and_numpy_does_not(self):
        calls = []

        class Framework(object):
            def seed(self, value):
                calls.append(("backend", value))

        for name in ("unseeded", "numpy", "keras"):
            seeding.before_keras(dict(JOB, seeding=name), Framework())
        self.assertEqual(calls, [])
        seeding.before_keras(dict(JOB, seeding="full"), Framework())
        self.assertEqual(calls, [("backend", 2)])

    def test_only_keras_calls_set_random_seed(self):
        calls = []
        for name in ("unseeded", "numpy", "full", "keras"):
            seeding.after_keras(dict(JOB, seeding=name), Keras(calls))
        self.assertEqual(calls, [("keras", 3)])

    def test_a_keras_without_it_is_unavailable_and_says_which(self):
        try:
            seeding.after_keras(dict(JOB, seeding="keras"), Keras())
        except seeding.Unavailable as error:
            self.assertIn("Keras 9", str(error))
        else:
            self.fail("nothing was raised")

    def test_theano_has_no_seed_of_its_own(self):
        self.assertRaises(seeding.Unavailable, frameworks.named("theano").seed, 2)


class Controls(unittest.TestCase):
    def test_a_value_that_reads_back_otherwise_is_not_in_force(self):
        self.assertEqual(controls.read_back("x", 1, 1, "seen")["state"], "in force")
        self.assertEqual(controls.read_back("x", 1, 4, "seen")["state"], "not in force")

    def test_unknown_framework_names_the_legal_ones(self):
        try:
            frameworks.named("caffe")
        except seeding.Unavailable as error:
            self.assertIn("tensorflow", str(error))
            self.assertIn("theano", str(error))
        else:
            self.fail("nothing was raised")


class Records(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("job", "output", "cache"):
            os.mkdir(os.path.join(self.folder, name))
        environment = dict(os.environ)
        self.addCleanup(os.environ.update, environment)

    def run_guest(self, job, compute=None):
        with io.open(os.path.join(self.folder, "job", "job.json"), "wb") as stream:
            stream.write(json.dumps(job).encode("ascii"))
        real = main.compute
        if compute:
            main.compute = compute
        try:
            main.main(["run", os.path.join(self.folder, "job"), os.path.join(self.folder, "output")])
        finally:
            main.compute = real
        with io.open(os.path.join(self.folder, "output", "record.json"), encoding="ascii") as stream:
            return json.load(stream)

    def test_whatever_is_raised_becomes_a_failed_record_with_its_traceback(self):
        def broken(*arguments):
            raise ValueError("the layer is upside down")

        record = self.run_guest(JOB, broken)
        self.assertEqual((record["status"], record["reason"]), ("failed", "ValueError: the layer is upside down"))
        self.assertIn("in broken", record["traceback"])
        self.assertEqual(record["job"]["cell"], JOB["cell"])
        self.assertEqual(len(record["environment"]["stack"]["digest"]), 64)

    def test_what_cannot_run_here_is_unavailable_with_the_reason(self):
        record = self.run_guest(dict(JOB, framework="caffe", seeding="unseeded"))
        self.assertEqual(record["status"], "unavailable")
        self.assertIn("caffe", record["reason"])
        self.assertNotIn("traceback", record)

    def test_probe_leaves_the_fingerprint_only(self):
        main.main(["probe", os.path.join(self.folder, "output")])
        self.assertEqual(os.listdir(os.path.join(self.folder, "output")), ["probe.json"])
        with io.open(os.path.join(self.folder, "output", "probe.json"), encoding="ascii") as stream:
            probe = json.load(stream)
        self.assertEqual(probe["stack"]["interpreter"]["version"], ".".join(str(part) for part in sys.version_info[:3]))
        self.assertEqual(len(probe["hardware"]["digest"]), 64)

    def test_nothing_about_people_is_read_from_the_environment(self):
        os.environ["TF_SOMETHING"] = "1"
        os.environ["SECRET_TOKEN"] = "x"
        self.addCleanup(os.environ.pop, "TF_SOMETHING")
        self.addCleanup(os.environ.pop, "SECRET_TOKEN")
        variables = main.environment()["variables"]
        self.assertEqual(variables.get("TF_SOMETHING"), "1")
        self.assertNotIn("SECRET_TOKEN", variables)


class FailClosed(unittest.TestCase):
    """A preset that promises something fails where a part of it is not in force; another one only says so."""

    def result(self, asked, fail_closed):
        fake = type("Fake", (base.Framework,), {
            "name": "fake", "configure": lambda self, asked: None, "keras": lambda self: None,
            "seed": lambda self, value: None, "facts": lambda self: {},
            "state_of_firm": lambda self, name, value: controls.state(name, value, "unverified", "nobody tells"),
            "state_of_loose": lambda self, name, value: controls.state(name, value, "not in force", "it is off")})
        for module, name, value in ((frameworks, "named", lambda name: fake()),
                                    (main.training, "train", lambda *_: ([], {}, ["cpu"]))):
            self.addCleanup(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        environment = dict(os.environ)
        self.addCleanup(os.environ.update, environment)
        self.addCleanup(os.environ.clear)
        job = dict(JOB, seeding="unseeded", preset="deterministic", controls=asked, fail_closed=fail_closed)
        return main.compute(job, None, None, None, False)[0]

    def test_a_control_that_is_not_in_force_fails_the_run_and_is_named(self):
        result = self.result({"firm": 1, "loose": 2}, True)
        self.assertEqual(result["status"], "failed")
        self.assertEqual(result["reason"],
                         "preset 'deterministic' fails closed: loose is not in force (it is off)")
        self.assertEqual([one["name"] for one in result["controls"]], ["firm", "loose"])
        self.assertNotIn("repeats", result)

    def test_what_nobody_tells_does_not(self):
        self.assertEqual(self.result({"firm": 1}, True)["status"], "ok")

    def test_another_preset_goes_on(self):
        result = self.result({"loose": 2}, False)
        self.assertEqual((result["status"], result["controls"][0]["state"]), ("ok", "not in force"))


class CompileCache(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.cache = os.path.join(self.folder, "cache")
        os.mkdir(self.cache)

    def compiled(self, name="made"):
        folder = os.path.join(self.folder, name)
        os.makedirs(os.path.join(folder, "module", "lock_dir"))
        io.open(os.path.join(folder, "module", "code.so"), "wb").close()
        return folder

    def test_what_is_published_is_copied_without_its_lock(self):
        compile_cache.publish(self.cache, JOB, self.compiled())
        copy, warm = compile_cache.private_copy(self.cache, JOB, os.path.join(self.folder, "run"))
        self.assertEqual(warm, compile_cache.key(JOB))
        self.assertTrue(warm.startswith("mlp-native-default."), warm)
        self.assertEqual(os.listdir(os.path.join(copy, "module")), ["code.so"])

    def test_an_unfinished_entry_is_never_used(self):
        os.mkdir(os.path.join(self.cache, "." + compile_cache.key(JOB) + ".17"))
        copy, warm = compile_cache.private_copy(self.cache, JOB, os.path.join(self.folder, "run"))
        self.assertIsNone(warm)
        self.assertEqual(os.listdir(copy), [])

    def test_publishing_twice_keeps_the_first(self):
        compile_cache.publish(self.cache, JOB, self.compiled())
        compile_cache.publish(self.cache, JOB, self.compiled("second"))
        self.assertEqual(compile_cache.entries(self.cache), [compile_cache.key(JOB)])

    def test_what_an_earlier_guest_compiled_is_a_start(self):
        for name in ("mlp-native-default.000000000000", "zzz-native-default.000000000000"):
            os.makedirs(os.path.join(self.cache, name))
        _, warm = compile_cache.private_copy(self.cache, JOB, os.path.join(self.folder, "run"))
        self.assertEqual(warm, "mlp-native-default.000000000000")
        _, other = compile_cache.private_copy(self.cache, dict(JOB, workload="cnn"), os.path.join(self.folder, "cnn"))
        self.assertEqual(other, "zzz-native-default.000000000000")

    def test_cold_runs_copy_nothing(self):
        compile_cache.publish(self.cache, JOB, self.compiled())
        cold = dict(JOB, controls={"compile_cache": False})
        copy, warm = compile_cache.private_copy(self.cache, cold, os.path.join(self.folder, "run"))
        self.assertIsNone(warm)
        self.assertEqual(os.listdir(copy), [])


if __name__ == "__main__":
    unittest.main()
