"""The guest: the program that runs inside a backend's image. Python 2.7 to 3.13, nothing of `bench`.

The contract with the host:

    python -m guest run JOB OUTPUT [--cache DIR]     train as JOB says, leave the guest record in OUTPUT
    python -m guest warm JOB OUTPUT --cache DIR      compile once what JOB needs, keep it in DIR
    python -m guest probe OUTPUT                     leave only the fingerprint in OUTPUT

JOB is a folder with `job.json` and, where the init lane is `supplied`, `supplied.bin`:

    {"schema": 1, "cell": id, "workload", "backend", "framework", "seeding", "init", "preset": names,
     "accelerator": "cpu" or "gpu",
     "controls": {name: value}, "fail_closed": whether a control that is not in force fails the run,
     "seeds": {"numpy", "backend", "keras": integers}, "repeats": n, "epochs": n, "trace": one of trace.LEVELS,
     "supplied": null or [[array, ...] for each repeat], "masks": null or [array, ...], the repeat their first axis}

OUTPUT gets `arrays.bin` (raw little-endian bytes, one array behind the other) and then `record.json`
(`probe.json` for a probe), each written under a temporary name, synced and renamed. An array is
`{"name", "dtype", "shape", "offset", "sha256"}`; its digest is SHA-256 over `dtype shape\\n` and the bytes.
Floats are `float.hex()`. No `record.json` means that the run failed. Nothing is ever parsed from stdout.

Where BENCH_EMULATOR has the words of an emulator, the guest was started through it, and looks whether it was
(emulation.py); BENCH_EMULATION names the machine to pass for, by an emulator or by caps.

What is expected to fail (no such seeding, no such device) is the status `unavailable` with a reason;
anything else that is raised is the status `failed` with its traceback, paths of people scrubbed.
The exit status is 0 whenever a record was left.
"""

#: Of records. 1: first. 2: repeats have `steps`, `replay` and `optimizer_digest`.
SCHEMA = 2
