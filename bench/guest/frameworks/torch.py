"""PyTorch, under Keras 3."""
from __future__ import absolute_import, division, print_function

import os
import re

from .. import controls
from .base import Traced, short

#: What cuBLAS needs to repeat itself; use_deterministic_algorithms raises without it.
REPEATABLE_WORKSPACE = ":4096:8"


class Torch(Traced):
    """PyTorch executes operation by operation; its switches are settings of the process that it tells again."""

    name = "torch"
    libraries = Traced.libraries + ("mkl_cbwr", "omp_wait_policy")

    def prepare(self, asked, accelerator, compile_folder):
        super(Torch, self).prepare(asked, accelerator, compile_folder)
        if asked.get("op_determinism") and accelerator == "gpu" and "cublas_workspace" not in asked:
            os.environ["CUBLAS_WORKSPACE_CONFIG"] = REPEATABLE_WORKSPACE

    def seed(self, value):
        import torch
        torch.manual_seed(value)

    def configure(self, asked):
        import torch
        if "intra_op_threads" in asked:
            torch.set_num_threads(asked["intra_op_threads"])
        if "inter_op_threads" in asked:
            torch.set_num_interop_threads(asked["inter_op_threads"])
        if asked.get("op_determinism"):
            torch.use_deterministic_algorithms(True)
        if "tf32" in asked:
            torch.backends.cuda.matmul.allow_tf32 = asked["tf32"]
            torch.backends.cudnn.allow_tf32 = asked["tf32"]
        if "onednn" in asked:
            torch.backends.mkldnn.set_flags(asked["onednn"])
        if "cudnn_autotune" in asked:
            torch.backends.cudnn.benchmark = asked["cudnn_autotune"]
        if "cudnn_deterministic" in asked:
            torch.backends.cudnn.deterministic = asked["cudnn_deterministic"]

    def state_of_intra_op_threads(self, name, value):
        import torch
        return controls.read_back(name, value, torch.get_num_threads(), "torch.get_num_threads")

    def state_of_inter_op_threads(self, name, value):
        import torch
        return controls.read_back(name, value, torch.get_num_interop_threads(), "torch.get_num_interop_threads")

    def state_of_ordered_updates(self, name, value):
        return controls.state(name, value, controls.UNVERIFIED,
                              "PyTorch is documented to run operations in program order")

    def state_of_op_determinism(self, name, value):
        import torch
        return controls.read_back(name, value, torch.are_deterministic_algorithms_enabled(),
                                  "torch.are_deterministic_algorithms_enabled")

    def state_of_eager(self, name, value):
        return controls.read_back(name, value, not self.built.jit_compile, "PyTorch runs operation by operation")

    def state_of_onednn(self, name, value):
        import torch
        return controls.read_back(name, value, torch._C._get_mkldnn_enabled(), "torch.backends.mkldnn's flag")

    def state_of_onednn_isa(self, name, value):
        """oneDNN names the code of an operation that it prints, such as jit:avx2; here a rectifier's."""
        import torch

        def rectify():
            with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
                torch.relu(torch.ones(2, 2).to_mkldnn())

        code = re.search(r"eltwise,jit:(\w+)", controls.printed(1, rectify))
        seen = code.group(1).upper() if code else None
        return controls.read_back(name, value, seen, "the code that oneDNN says it runs")

    def state_of_aten_cpu_capability(self, name, value):
        import torch
        seen = torch.backends.cpu.get_cpu_capability().lower()
        return controls.read_back(name, value, seen, "torch.backends.cpu.get_cpu_capability")

    def state_of_tf32(self, name, value):
        import torch
        seen = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
        return controls.state(name, value, controls.IN_FORCE if seen == (value, value) else controls.NOT_IN_FORCE,
                              "allow_tf32 of cuda.matmul and cudnn: %r, %r" % seen)

    def state_of_cudnn_autotune(self, name, value):
        import torch
        return controls.read_back(name, value, torch.backends.cudnn.benchmark, "torch.backends.cudnn.benchmark")

    def state_of_cudnn_deterministic(self, name, value):
        import torch
        return controls.read_back(name, value, torch.backends.cudnn.deterministic,
                                  "torch.backends.cudnn.deterministic")

    def state_of_cublas_workspace(self, name, value):
        return controls.state(name, value, controls.UNVERIFIED, "CUBLAS_WORKSPACE_CONFIG=%s, set before the import"
                              % os.environ.get("CUBLAS_WORKSPACE_CONFIG"))

    def reader(self, model):
        """Without the checks of Keras, which alone are a hundredth of an epoch of the smallest workload."""
        variables = list(model.weights)
        return lambda: [one.value.detach().cpu().numpy() for one in variables]

    def gpus(self):
        import torch
        return ["gpu:%d" % number for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []

    def placement(self, model):
        return sorted(set(short(weight.value.device) for weight in model.weights))

    def facts(self):
        import torch
        facts = {"torch": torch.__version__, "torch.threads": torch.get_num_threads(),
                 "torch.mkldnn": torch.backends.mkldnn.is_available()}
        if torch.cuda.is_available():
            facts.update({"torch.cuda": torch.version.cuda, "torch.cudnn": torch.backends.cudnn.version(),
                          "torch.nccl": ".".join(str(part) for part in torch.cuda.nccl.version()),
                          "torch.tf32.matmul": torch.backends.cuda.matmul.allow_tf32,
                          "torch.tf32.cudnn": torch.backends.cudnn.allow_tf32,
                          "torch.cudnn.benchmark": torch.backends.cudnn.benchmark})
            for number in range(torch.cuda.device_count()):
                facts["torch.gpu%d" % number] = "%s, compute capability %d.%d" % (
                    (torch.cuda.get_device_name(number),) + torch.cuda.get_device_capability(number))
        return facts
