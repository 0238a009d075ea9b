"""CNTK, under Keras 2."""
from __future__ import absolute_import, division, print_function

from .. import controls
from .base import Framework


class CNTK(Framework):
    """The last CNTK. Its random numbers have one seed for the process; Keras draws its own from NumPy."""

    name = "cntk"
    libraries = Framework.libraries + ("mkl_cbwr", "omp_wait_policy")

    def seed(self, value):
        from cntk import cntk_py
        cntk_py.set_fixed_random_seed(value)

    def configure(self, asked):
        from cntk import cntk_py
        if "intra_op_threads" in asked:
            cntk_py.set_max_num_cputhreads(asked["intra_op_threads"])
        if asked.get("op_determinism"):
            cntk_py.force_deterministic_algorithms()

    def state_of_intra_op_threads(self, name, value):
        from cntk import cntk_py
        return controls.read_back(name, value, int(cntk_py.get_max_num_cputhreads()), "cntk_py.get_max_num_cputhreads")

    def state_of_inter_op_threads(self, name, value):
        return controls.state(name, value, controls.UNVERIFIED, "CNTK has no such switch")

    def state_of_op_determinism(self, name, value):
        from cntk import cntk_py
        return controls.read_back(name, value, bool(cntk_py.should_force_deterministic_algorithms()),
                                  "cntk_py.should_force_deterministic_algorithms")

    def state_of_ordered_updates(self, name, value):
        return controls.state(name, value, controls.UNVERIFIED,
                              "a learner of CNTK is given all gradients before it updates")

    def placement(self, model):
        """A parameter does not tell its device; it gets the process's, which is settled once it is asked for."""
        import cntk
        device = str(cntk.device.use_default_device())
        return ["cpu" if device == "CPU" else device.lower()]

    def facts(self):
        import cntk
        return {"cntk": cntk.__version__, "cntk.devices": ", ".join(str(one) for one in cntk.device.all_devices())}
