"""Theano's compile folder: filled once for a stack and a CPU, then copied by each run.

The cache folder holds one finished folder a key, made under another name and renamed when complete, so a
killed warm-up leaves nothing that is read later. A run works in its own copy and never meets another's lock.
"""
from __future__ import absolute_import, division, print_function

import os
import shutil

from . import stack

LOCK = "lock_dir"


def key(job):
    """What decides which modules are compiled: the model and the flags, not seeds or repeats. Models are the guest's, so
    another guest fills an entry of its own; it starts from what is there, and Theano checks what it takes."""
    return "%s.%s" % (kind(job), stack.guest_source()[:12])


def kind(job):
    return "-".join((job["workload"], job["init"], job["preset"]))


def entries(cache):
    """Finished keys of a cache folder."""
    if not cache or not os.path.isdir(cache):
        return []
    return sorted(name for name in os.listdir(cache) if not name.startswith("."))


def private_copy(cache, job, scratch):
    """This run's own compile folder, warm where the cache has the job's key (else an earlier guest's, else any: most
    is shared)."""
    folder = os.path.join(scratch, "compiled")
    found = entries(cache) if job["controls"].get("compile_cache", True) else []
    near = [name for name in found if name.startswith(kind(job) + ".")] or found
    best = key(job) if key(job) in found else (near[-1] if near else None)
    if best:
        shutil.copytree(os.path.join(cache, best), folder, ignore=shutil.ignore_patterns(LOCK))
    else:
        os.makedirs(folder)
    return folder, best


def publish(cache, job, folder):
    """Keeps a finished compile folder under the job's key."""
    target = os.path.join(cache, key(job))
    temporary = os.path.join(cache, "." + key(job) + ".%d" % os.getpid())
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(folder, temporary, ignore=shutil.ignore_patterns(LOCK))
    try:
        os.rename(temporary, target)
    except OSError:  # somebody else was first with the same key: theirs is as good
        shutil.rmtree(temporary, ignore_errors=True)
