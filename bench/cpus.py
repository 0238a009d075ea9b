"""CPUs that an emulator can show, and what they have and lack."""

from collections.abc import Mapping

#: The CPUs that QEMU's translator can show: features by which the guest tells that it is that one, `-` where it must
#: not have them. Later CPUs are not here: the translator has no AVX-512, so that they would be no other than Haswell.
CPUS: Mapping[str, str] = {
    "Penryn": "sse4_1 -sse4_2",
    "Nehalem": "sse4_2 -aes -avx",
    "Westmere": "sse4_2 aes -avx",
    "SandyBridge": "avx -f16c -avx2 -fma",
    "IvyBridge": "avx f16c -avx2 -fma",
    "Haswell": "avx2 fma bmi2 -adx -sse4a -avx512f",
    "Broadwell": "avx2 fma adx -clflushopt -sse4a -avx512f",
    "EPYC": "avx2 fma adx sse4a -clwb -avx512f",
    "EPYC-Rome": "avx2 fma adx sse4a clwb -avx512f",
}
