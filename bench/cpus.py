"""CPUs that an emulator can show, and what they have and lack."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """A CPU of an architecture, and features by which the guest tells that it is that one, a `-` before those that it
    must not have. Names are Linux's, of /proc/cpuinfo."""

    architecture: str
    features: str


#: The CPUs that QEMU's translator can show. Later ones of Intel are not here: it has no AVX-512, so that they would be
#: no other than Haswell.
CPUS: Mapping[str, Cpu] = {
    name: Cpu(architecture=architecture, features=features)
    for architecture, name, features in (
        ("x86_64", "Penryn", "sse4_1 -sse4_2"),
        ("x86_64", "Nehalem", "sse4_2 -aes -avx"),
        ("x86_64", "Westmere", "sse4_2 aes -avx"),
        ("x86_64", "SandyBridge", "avx -f16c -avx2 -fma"),
        ("x86_64", "IvyBridge", "avx f16c -avx2 -fma"),
        ("x86_64", "Haswell", "avx2 fma bmi2 -adx -sse4a -avx512f"),
        ("x86_64", "Broadwell", "avx2 fma adx -clflushopt -sse4a -avx512f"),
        ("x86_64", "EPYC", "avx2 fma adx sse4a -clwb -avx512f"),
        ("x86_64", "EPYC-Rome", "avx2 fma adx sse4a clwb -avx512f"),
        ("aarch64", "cortex-a72", "asimd crc32 -atomics"),
        ("aarch64", "neoverse-n1", "atomics asimddp -sve"),
        ("aarch64", "a64fx", "atomics sve -asimddp"),
    )
}
