"""What became of each control: `in force`, `not in force` or `unverified`, with the evidence."""
from __future__ import absolute_import, division, print_function

import io
import os

IN_FORCE = "in force"
NOT_IN_FORCE = "not in force"
UNVERIFIED = "unverified"


def state(name, asked, result, evidence):
    """One control's line in the record."""
    return {"name": name, "asked": asked, "state": result, "evidence": evidence}


def read_back(name, asked, seen, evidence):
    """A control whose value the framework tells truthfully."""
    return state(name, asked, IN_FORCE if seen == asked else NOT_IN_FORCE, "%s: %r" % (evidence, seen))


def threads_named(start):
    """Number of this process's threads whose name starts so; None where there is no /proc."""
    names = []
    try:
        for task in os.listdir("/proc/self/task"):
            with io.open("/proc/self/task/%s/comm" % task, encoding="utf-8", errors="replace") as stream:
                names.append(stream.read())
    except (IOError, OSError):
        return None
    return sum(name.startswith(start) for name in names)


def threads_now():
    """Number of threads of this process, from /proc; None where there is no /proc."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return None
