"""What a 64-bit ARM CPU says of itself: its register MIDR_EL1 and the features that the kernel, or who plays it, tells.

Arm Architecture Reference Manual, "MIDR_EL1"; linux/arch/arm64/include/uapi/asm/hwcap.h.
"""
from __future__ import absolute_import, division, print_function

import ctypes
import mmap
import struct

#: mrs x0, midr_el1; ret
CODE = struct.pack("<2I", 0xd5380000, 0xd65f03c0)

#: (entry of the auxiliary vector): the names of its bits from the lowest on, as Linux has them in /proc/cpuinfo.
FLAGS = {
    16: "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 "
        "sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg",
    26: "dcpodp sve2 sveaes svepmull svebitperm svesha3 svesm4 flagm2 frint svei8mm svef32mm svef64mm svebf16 i8mm bf16 "
        "dgh rng bti mte ecv afp rpres mte3 sme",
}


def register():
    """MIDR_EL1; Linux lets every process read it since 4.11, and so does QEMU."""
    page = mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                     mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return int(ctypes.CFUNCTYPE(ctypes.c_uint64)(start)())


def flags():
    """Names of the features that the CPU has."""
    ask = ctypes.CDLL(None).getauxval
    ask.restype, ask.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
    return [name for entry, names in FLAGS.items() for bit, name in enumerate(names.split()) if ask(entry) >> bit & 1]


def processor():
    """The CPU in the words that `cpuid.processor` has for one of x86."""
    value = register()
    return {"cpu_vendor": "implementer 0x%02x" % (value >> 24 & 255), "cpu_model": "ARM part 0x%03x" % (value >> 4 & 4095),
            "cpu_family": None, "cpu_model_number": "0x%03x" % (value >> 4 & 4095),
            "cpu_stepping": "r%dp%d" % (value >> 20 & 15, value & 15), "cpu_flags": " ".join(sorted(flags())),
            "cpu_hypervisor": None}
