from __future__ import absolute_import, division, print_function

import io
import os
import shutil
import tempfile
import unittest

from guest import __main__ as main
from guest import controls, frameworks, machine, models, seeding
from guest.frameworks import base

try:
    import numpy
except ImportError:
    numpy = None

#: Stands in for NVIDIA's tool, which needs its driver: two GPUs, one of them with fields that it does not tell.
SMI = u"""#!/bin/sh
case $1 in --query-gpu=name,*) ;; *) exit 9 ;; esac
echo 'NVIDIA H200, 9.0, 570.1, 96.0, 143771 MiB, Enabled, Disabled, Default, 1980 MHz, 700.00 W'
echo 'NVIDIA T4, 7.5, 570.1, 90.0, 15360 MiB, [N/A], [N/A], Default, 1590 MHz, 70.00 W'
"""


class Fake(base.Framework):
    name = "fake"

    def __init__(self, gpus=()):
        self.found = list(gpus)

    def gpus(self):
        return self.found

    def facts(self):
        return {}

    def state_of_dtype(self, name, value):
        return controls.read_back(name, value, value, "seen")

    def state_of_threads(self, name, value):
        return controls.read_back(name, value, 4, "seen")


class Frameworks(unittest.TestCase):
    def setUp(self):
        environment = dict(os.environ)
        self.addCleanup(os.environ.update, environment)
        self.addCleanup(os.environ.clear)

    def test_every_file_is_in_the_table(self):
        folder = os.path.dirname(frameworks.__file__)
        files = set(name[:-3] for name in os.listdir(folder) if name.endswith(".py"))
        self.assertEqual(files - {"__init__", "base"}, set(frameworks.FRAMEWORKS))

    @unittest.skipIf(numpy is None, "this Python has no NumPy")
    def test_every_name_of_the_table_is_its_frameworks_own(self):
        for name in frameworks.FRAMEWORKS:
            self.assertEqual(frameworks.named(name).name, name)

    def test_a_cpu_backend_sees_no_gpu_and_a_gpu_backend_does(self):
        os.environ["CUDA_VISIBLE_DEVICES"] = "3"
        Fake().prepare({}, "gpu", None)
        self.assertEqual(os.environ["CUDA_VISIBLE_DEVICES"], "3")
        Fake().prepare({}, "cpu", None)
        self.assertEqual(os.environ["CUDA_VISIBLE_DEVICES"], "")

    def test_flags_that_are_there_stay(self):
        os.environ["XLA_FLAGS"] = "--one"
        base.add_flags("XLA_FLAGS", ["--two", "--three"])
        self.assertEqual(os.environ["XLA_FLAGS"], "--one --two --three")

    def test_devices_have_one_spelling(self):
        for text, wanted in (("cpu", "cpu"), ("/job:localhost/replica:0/task:0/device:CPU:0", "cpu"),
                             ("/job:localhost/replica:0/task:0/device:GPU:1", "gpu:1"), ("cuda:0", "gpu:0"),
                             ("cuda", "gpu:0")):
            self.assertEqual(base.short(text), wanted)

    def test_a_control_that_a_framework_has_not_is_not_in_force(self):
        seen = Fake().observe({"threads": 4, "tf32": True})
        self.assertEqual([(one["name"], one["state"]) for one in seen],
                         [("tf32", "not in force"), ("threads", "in force")])

    def test_theano_is_given_its_own_flags_and_no_dtype_that_it_has_not(self):
        theano = frameworks.named("theano")
        asked = {"theano_cxxflags": "-O3 -ffast-math", "theano_openmp": False, "theano_optimizer": "None",
                 "dtype": "float64", "intra_op_threads": 1}
        theano.prepare(asked, "cpu", "/folder")
        self.assertEqual(os.environ["THEANO_FLAGS"],
                         "base_compiledir=/folder,openmp=False,floatX=float64,"
                         "gcc.cxxflags=-O3 -ffast-math,openmp=False,optimizer=None")
        theano.prepare({"dtype": base.MIXED}, "cpu", "/folder")
        self.assertEqual(os.environ["THEANO_FLAGS"], "base_compiledir=/folder")

    def test_xla_is_given_its_own_flags(self):
        os.environ.pop("XLA_FLAGS", None)
        frameworks.named("jax").prepare({"xla_cpu_isa": "AVX2", "xla_vector_width": 128}, "cpu", None)
        self.assertEqual(os.environ["XLA_FLAGS"], "--xla_cpu_max_isa=AVX2 --xla_cpu_prefer_vector_width=128")

    def test_controls_of_the_process_and_of_libraries_are_every_frameworks(self):
        framework = Fake()
        self.assertIsNotNone(framework.teller("hash_seed"))
        self.assertIsNotNone(framework.teller("openblas_coretype"))
        self.assertIsNone(framework.teller("mkl_cbwr"))

    def test_extended_precision_is_only_the_references(self):
        self.assertRaises(seeding.Unavailable, models.set_dtype, None, "extended")


class Model(object):
    """As Keras 3 has it: both settings are properties of the class."""

    jit_compile = property(lambda self: self.jit, lambda self, value: setattr(self, "jit", value and self.able))
    run_eagerly = False

    def __init__(self, able=True):
        self.able, self.jit = able, able

    def predict(self, data, verbose):
        return Narrow()


class Narrow(object):
    def astype(self, name):
        return name


class FakeTraced(base.Traced):
    name = "traced"

    def state_of_dtype(self, name, value):
        return controls.read_back(name, value, value, "seen")


class Traced(unittest.TestCase):
    """The step is traced and compiled as asked, and a model that cannot be says so."""

    def seen(self, asked, able=True):
        framework = FakeTraced()
        framework.prepare(asked, "gpu", None)
        workload = type("Workload", (), {"build": staticmethod(lambda keras, supplied: Model(able))})
        model = framework.model(workload, None, False)
        return model, dict((one["name"], one["state"]) for one in framework.observe(asked))

    def test_what_is_asked_for_reaches_the_model(self):
        self.assertEqual(self.seen({"jit": False})[1], {"jit": "in force"})
        self.assertEqual(self.seen({"jit": True})[1], {"jit": "in force"})
        self.assertEqual(self.seen({"jit": True}, able=False)[1], {"jit": "not in force"})

    def test_an_eager_step_is_not_compiled(self):
        model, states = self.seen({"eager": True})
        self.assertEqual((model.jit_compile, states), (False, {"eager": "in force"}))

    def test_an_older_keras_has_no_such_setting(self):
        framework = FakeTraced()
        framework.prepare({"jit": True}, "gpu", None)
        framework.model(type("Workload", (), {"build": staticmethod(lambda *_: object())}), None, False)
        self.assertEqual(framework.observe({"jit": True})[0]["state"], "not in force")

    def test_bfloat16_predictions_are_widened_for_their_score(self):
        self.assertEqual(self.seen({"dtype": base.MIXED})[0].predict("X", verbose=0), "float32")

    def test_an_older_keras_has_no_dtype_policies(self):
        keras = type("Keras", (), {"__version__": "2.3.1"})
        self.assertRaises(seeding.Unavailable, FakeTraced().set_dtype, keras, base.MIXED)


class Placement(unittest.TestCase):
    def test_a_gpu_is_asked_for_and_there_is_none(self):
        job = {"accelerator": "gpu"}
        self.assertRaises(seeding.Unavailable, main.check_accelerator, job, Fake())
        main.check_accelerator(job, Fake(["gpu:0"]))
        main.check_accelerator({"accelerator": "cpu"}, Fake())

    def test_weights_must_be_where_the_backends_name_says(self):
        for accelerator, devices in (("gpu", ["cpu"]), ("gpu", ["cpu", "gpu:0"]), ("cpu", ["gpu:0"]), ("gpu", [])):
            try:
                main.check_placement({"accelerator": accelerator}, devices)
            except seeding.Unavailable as error:
                self.assertIn("asked for %s" % accelerator, str(error))
            else:
                self.fail("%s on %s was let through" % (accelerator, devices))
        main.check_placement({"accelerator": "gpu"}, ["gpu:0", "gpu:1"])
        main.check_placement({"accelerator": "cpu"}, ["cpu"])


class Gpus(unittest.TestCase):
    def test_what_the_drivers_tool_tells_is_kept_by_name(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        tool = os.path.join(folder, "nvidia-smi")
        with io.open(tool, "w", encoding="ascii") as stream:
            stream.write(SMI)
        os.chmod(tool, 0o755)
        seen = machine.nvidia_smi(tool)
        self.assertEqual([(one["name"], one["compute_cap"], one["ecc.mode.current"]) for one in seen],
                         [("NVIDIA H200", "9.0", "Enabled"), ("NVIDIA T4", "7.5", "[N/A]")])

    def test_no_tool_or_a_tool_that_fails_is_no_gpu(self):
        self.assertEqual(machine.nvidia_smi("no-such-program-here"), [])
        self.assertEqual(machine.nvidia_smi("false"), [])


class TestEmulation(unittest.TestCase):
    def test_a_machine_that_passes_for_another_has_its_own_digest(self):
        """An emulated machine is never counted as the hardware that it runs on."""
        real = machine.hardware()
        os.environ[machine.EMULATION] = "haswell-caps"
        try:
            other = machine.hardware()
        finally:
            del os.environ[machine.EMULATION]
        self.assertEqual(other["emulation"], "haswell-caps")
        self.assertNotIn("emulation", real)
        self.assertNotEqual(other["digest"], real["digest"])
        self.assertEqual(machine.hardware(), real)


if __name__ == "__main__":
    unittest.main()
