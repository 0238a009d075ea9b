from __future__ import absolute_import, division, print_function

import io
import json
import os
import shutil
import tempfile
import unittest

from guest import __main__ as main
from guest import cpuid, emulation, machine

#: Features by which libraries choose their code; Linux may hide others that the CPU tells of.
TELLING = ("sse4_1", "sse4_2", "ssse3", "popcnt", "aes", "avx", "f16c", "fma", "avx2", "bmi1", "bmi2", "avx512f", "avx512bw",
           "avx512vl", "avx512_vnni", "avx512_bf16", "sse4a")

HASWELL = {"cpu_vendor": "GenuineIntel", "cpu_model": "Intel Core Processor (Haswell)", "cpu_family": "6",
           "cpu_model_number": "60", "cpu_stepping": "4", "cpu_flags": "avx avx2 fma", "cpu_hypervisor": "TCGTCGTCGTCG"}


class Variables(unittest.TestCase):
    """A test that sets variables of the process and leaves none behind."""

    def told(self, **values):
        for key, value in values.items():
            before = os.environ.get(key)
            os.environ[key] = value
            self.addCleanup(os.environ.pop, key) if before is None else self.addCleanup(
                os.environ.__setitem__, key, before)


@unittest.skipIf(cpuid.caller() is None, "no CPUID on this CPU")
class Processor(unittest.TestCase):
    def test_the_cpu_tells_of_itself_what_linux_tells_of_it(self):
        """On this machine as it is, the two sources agree; under an emulator only the first is true."""
        seen, info = cpuid.processor(), machine.cpuinfo()
        self.assertEqual([seen["cpu_vendor"], seen["cpu_family"], seen["cpu_model_number"], seen["cpu_stepping"]],
                         [info["vendor_id"], info["cpu family"], info["model"], info["stepping"]])
        self.assertEqual(" ".join(seen["cpu_model"].split()), " ".join(info["model name"].split()))
        flags = [set(one.split()) for one in (seen["cpu_flags"], info["flags"])]
        self.assertEqual(flags[0] & set(TELLING), flags[1] & set(TELLING))
        self.assertGreater(len(flags[0] & flags[1]), 30)

    def test_a_bit_has_the_name_of_its_place(self):
        def only(leaf, subleaf=0):
            registers = dict.fromkeys(("eax", "ebx", "ecx", "edx"), 0)
            if leaf & 0x7fffffff == 0:
                registers["eax"] = leaf + 13
            if (leaf, subleaf) == (7, 0):
                registers["ebx"] = 1 << 5 | 1 << 16
            if (leaf, subleaf) == (1, 0):
                registers["ecx"] = 1 << 12 | 1 << 28
            return registers

        self.assertEqual(cpuid.flags(only), set(["avx2", "avx512f", "fma", "avx"]))

    def test_no_table_has_more_names_than_a_register_has_bits(self):
        for key, names in cpuid.FLAGS.items():
            self.assertLessEqual(len(names.split()), 32, key)


class Proof(Variables):
    def test_an_emulator_in_force_has_nothing_against_it(self):
        self.assertEqual(emulation.problems("/q", HASWELL, "/q", ["avx2", "-avx512f"]), [])

    def test_each_thing_that_is_off_is_said_with_what_was_seen(self):
        self.assertEqual(emulation.problems("/python", HASWELL, "/q", []), ["the kernel runs /python"])
        self.assertEqual(emulation.problems(None, HASWELL, "/q", []), ["the kernel runs None"])
        self.assertEqual(emulation.problems("/q", None, "/q", []), ["this CPU cannot be asked what it is"])
        self.assertEqual(emulation.problems("/q", HASWELL, "/q", ["adx"]), ["the CPU has no adx"])
        self.assertEqual(emulation.problems("/q", HASWELL, "/q", ["-avx"]), ["the CPU has avx"])
        real = dict(HASWELL, cpu_hypervisor=None)
        self.assertEqual(emulation.problems("/q", real, "/q", []),
                         ["CPUID is answered by the CPU (Intel Core Processor (Haswell))"])

    def test_caps_and_a_machine_as_it_is_are_not_asked(self):
        emulation.check()
        self.told(BENCH_EMULATION="haswell-caps")
        emulation.check()

    def test_only_the_first_process_of_an_emulated_container_goes_on_in_a_child(self):
        self.told(BENCH_EMULATOR="/nowhere/qemu -cpu Haswell")
        before = os.getpid()
        emulation.apart()
        self.assertEqual(os.getpid(), before)

    def test_a_run_whose_emulator_is_not_in_force_fails_and_says_why(self):
        """This process runs natively, whatever its variables say."""
        self.told(BENCH_EMULATION="haswell-qemu", BENCH_EMULATOR="/nowhere/qemu -cpu Haswell")
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        job = {"schema": 1, "cell": "mlp/x/numpy/supplied/float64", "workload": "mlp", "framework": "numpy",
               "init": "native", "controls": {}, "seeds": {"numpy": 1}, "seeding": "numpy", "accelerator": "cpu",
               "repeats": 1, "epochs": 1, "trace": "scores"}
        with io.open(os.path.join(folder, "job.json"), "wb") as stream:
            stream.write(json.dumps(job).encode("ascii"))
        main.main(["run", folder, folder])
        with io.open(os.path.join(folder, "record.json"), encoding="utf-8") as stream:
            record = json.load(stream)
        self.assertEqual(record["status"], "failed")
        self.assertIn("asked to compute as haswell-qemu by `/nowhere/qemu -cpu Haswell`, but the kernel runs ",
                      record["reason"])
        self.assertNotIn("result_digest", record)
        self.assertRaises(emulation.NotInForce, main.main, ["probe", folder])
        self.assertFalse(os.path.exists(os.path.join(folder, "probe.json")))


class Hardware(Variables):
    def test_a_machine_that_passes_for_another_has_its_own_digest(self):
        """An emulated machine is never counted as the hardware that it runs on."""
        real = machine.hardware()
        self.assertNotIn("emulation", real)
        self.told(BENCH_EMULATION="haswell-caps")
        capped = machine.hardware()
        self.assertEqual(capped["emulation"], "haswell-caps")
        self.assertEqual(capped["cpu_flags"], real["cpu_flags"])
        self.told(BENCH_EMULATOR="/nowhere/qemu -cpu Haswell")
        emulated = machine.hardware()
        self.assertIn("-cpu Haswell", emulated["emulator"])
        self.assertIsNone(emulated["cpu_caches"])
        self.assertEqual(len(set(one["digest"] for one in (real, capped, emulated))), 3)


if __name__ == "__main__":
    unittest.main()
