"""Files of the contract: the job that comes in, the record that goes out."""
from __future__ import absolute_import, division, print_function

import io
import json
import os


def read_job(folder):
    """The job of a folder as a dict, its supplied weights as raw arrays under `supplied`."""
    with io.open(os.path.join(folder, "job.json"), encoding="utf-8") as stream:
        job = json.load(stream)
    if job.get("schema") != 1:
        raise ValueError("job.json: schema %r; this guest reads 1" % (job.get("schema"),))
    return job


def read_supplied(folder, job):
    """(initial weights: a list per repeat of NumPy arrays, masks: arrays whose first axis is the repeat), or two None
    in the native lane."""
    if not job.get("supplied"):
        return None, None
    import numpy
    with io.open(os.path.join(folder, "supplied.bin"), "rb") as stream:
        content = stream.read()

    def array(entry):
        shape = tuple(entry["shape"])
        count = 1
        for length in shape:
            count *= length
        flat = numpy.frombuffer(content, dtype=str(entry["dtype"]), count=count, offset=entry["offset"])
        return flat.reshape(shape).copy()

    weights = [[array(entry) for entry in repeat] for repeat in job["supplied"]]
    return weights, [array(entry) for entry in job.get("masks") or []]


def write(folder, name, content):
    """Bytes under a temporary name, synced, then renamed: a reader sees all of it or nothing."""
    temporary = os.path.join(folder, "." + name + ".part")
    with io.open(temporary, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(temporary, os.path.join(folder, name))


def write_json(folder, name, value):
    """JSON without NaN or Infinity literals, keys sorted, ASCII."""
    write(folder, name, (json.dumps(value, allow_nan=False, sort_keys=True) + "\n").encode("ascii"))
