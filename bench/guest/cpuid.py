"""What the CPU says of itself: the instruction CPUID, which an emulator answers and /proc/cpuinfo knows nothing of.

Libraries choose their code by it. Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, "CPUID".
"""
from __future__ import absolute_import, division, print_function

import ctypes
import mmap
import platform
import struct

#: push rbx; mov eax, edi; mov ecx, esi; mov r8, rdx; cpuid; store eax, ebx, ecx, edx at r8; pop rbx; ret
CODE = (b"\x53\x89\xf8\x89\xf1\x49\x89\xd0\x0f\xa2\x41\x89\x00\x41\x89\x58\x04\x41\x89\x48\x08\x41\x89\x50\x0c"
        b"\x5b\xc3")

#: (leaf, subleaf, register): the names of its bits from the lowest on, as Linux has them; - is a bit without a name.
FLAGS = {
    (1, 0, "edx"): "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx "
                   "fxsr sse sse2 ss ht tm ia64 pbe",
    (1, 0, "ecx"): "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca "
                   "sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor",
    (7, 0, "ebx"): "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq "
                   "rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw "
                   "avx512vl",
    (7, 0, "ecx"): "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg "
                   "tme avx512_vpopcntdq - la57 - - - - - rdpid",
    (7, 0, "edx"): "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - md_clear - - - serialize - - "
                   "tsxldtrk pconfig - - - amx_bf16 avx512_fp16 amx_tile amx_int8",
    (7, 1, "eax"): "- - - - avx_vnni avx512_bf16",
    (13, 1, "eax"): "xsaveopt xsavec xgetbv1 xsaves",
    (0x80000001, 0, "ecx"): "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
                            "skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext",
    (0x80000001, 0, "edx"): "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - "
                            "lm 3dnowext 3dnow",
}


def caller():
    """A function (leaf, subleaf) -> {register: value}; None on a CPU that has no such instruction."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return None
    page = mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                     mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    call = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)(start)

    def ask(leaf, subleaf=0, keep=page):  # the page must live as long as what jumps into it
        registers = (ctypes.c_uint32 * 4)()
        call(leaf, subleaf, ctypes.addressof(registers))
        return dict(zip(("eax", "ebx", "ecx", "edx"), (int(one) for one in registers)))

    return ask


def text(values):
    """Registers as the ASCII text that they hold."""
    return struct.pack("<%dI" % len(values), *values).split(b"\0")[0].decode("ascii", "replace").strip()


def flags(ask):
    """Names of the features that the CPU has."""
    found = set()
    for (leaf, subleaf, register), names in FLAGS.items():
        highest = ask(leaf & 0x80000000)["eax"]
        if leaf > highest or subleaf > 0 and leaf == 7 and subleaf > ask(7)["eax"]:
            continue
        bits = ask(leaf, subleaf)[register]
        found.update(name for bit, name in enumerate(names.split()) if name != "-" and bits >> bit & 1)
    return found


def processor():
    """The CPU in the words of /proc/cpuinfo, and who answers for it if it is not the silicon; None if it cannot tell."""
    ask = caller()
    if ask is None:
        return None
    first, signature, hypervisor = ask(0), ask(1)["eax"], ask(0x40000000)
    brand = [ask(leaf)[register] for leaf in (0x80000002, 0x80000003, 0x80000004)
             for register in ("eax", "ebx", "ecx", "edx")]
    family, model = signature >> 8 & 15, signature >> 4 & 15
    if family in (6, 15):
        model += (signature >> 16 & 15) << 4
    if family == 15:
        family += signature >> 20 & 255
    seen = flags(ask)
    return {
        "cpu_vendor": text([first["ebx"], first["edx"], first["ecx"]]),
        "cpu_model": text(brand),
        "cpu_family": str(family),
        "cpu_model_number": str(model),
        "cpu_stepping": str(signature & 15),
        "cpu_flags": " ".join(sorted(seen)),
        "cpu_hypervisor": text([hypervisor[name] for name in ("ebx", "ecx", "edx")]) if "hypervisor" in seen else None,
    }
