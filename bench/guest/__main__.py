"""`python -m guest`: run, warm or probe. The package's docstring is the contract."""
from __future__ import absolute_import, division, print_function

import argparse
import os
import resource
import sys
import tempfile
import time
import traceback

from . import (SCHEMA, bits, compile_cache, controls, emulation, files, frameworks, launch, machine, process, scrub,
               seeding, stack, trace, training, workloads)


def environment():
    """The fingerprint, taken after the fits so that it cannot disturb them."""
    variables = dict((key, scrub.scrub(value)) for key, value in machine.variables().items())
    return {"stack": stack.fingerprint(), "hardware": machine.hardware(), "surroundings": machine.surroundings(),
            "variables": variables, "libraries": machine.libraries()}


def compute(job, supplied, masks, cache, fill):
    """Seeds, imports and trains; the record's fields of a run that went well, and its arrays."""
    emulation.check()
    seeding.before_imports(job)
    framework = frameworks.named(job["framework"])
    os.environ["KERAS_BACKEND"] = str(job["framework"])
    compiled, warm = None, None
    if framework.has_compile_cache:
        compiled, warm = compile_cache.private_copy(cache, job, tempfile.mkdtemp(prefix="guest-"))
    framework.prepare(job["controls"], job["accelerator"], compiled)
    started = time.time()
    seeding.before_keras(job, framework)
    framework.configure(job["controls"])
    keras = framework.keras()
    seeding.after_keras(job, keras)
    if keras is not None and "dtype" in job["controls"]:
        framework.set_dtype(keras, job["controls"]["dtype"])
    check_accelerator(job, framework)
    imported = time.time()
    fits, about, devices = training.train(framework, keras, workloads.load(job["workload"]), job, supplied, masks)
    check_placement(job, devices)
    states = framework.observe(job["controls"])
    facts = dict(framework.facts(), **({"keras": keras.__version__} if keras else {}))
    told = {"controls": states, "devices": devices, "compile_cache": warm,
            "framework": dict((key, scrub.scrub(str(value))) for key, value in facts.items())}
    idle = controls.not_in_force(states)
    if job.get("fail_closed") and idle:
        return dict(told, status="failed", reason="preset %r fails closed: %s" % (str(job["preset"]), idle)), b""
    if fill and compiled:
        compile_cache.publish(cache, job, compiled)
    arrays = bits.ArrayFile()
    repeats = [fit.record(arrays) for fit in fits]
    return dict(told, status="ok", reason=None, workload=about, stages=stages(job, keras), repeats=repeats,
                result_digest=bits.result_digest(repeats), times={"import": imported - started}), arrays.content()


def check_accelerator(job, framework):
    """Unavailable where a GPU is asked for and the framework has none: a GPU's cell never runs on the CPU."""
    if job["accelerator"] == "gpu" and not framework.gpus():
        raise seeding.Unavailable("no GPU that %s can use; the driver shows %s"
                                  % (framework.name, ", ".join(machine.gpus()) or "none"))


def check_placement(job, devices):
    """Unavailable where the weights were not where the backend's name says."""
    if any(device.split(":")[0] != job["accelerator"] for device in devices) or not devices:
        raise seeding.Unavailable("asked for %s, and the weights were on %s"
                                  % (job["accelerator"], ", ".join(devices) or "nothing"))


def stages(job, keras):
    """Which stages of a training this record can speak of."""
    def seen(what, how="observed"):
        return how if trace.keeps(job["trace"], what) else "unobserved"

    replayed = seen("layers", "replayed" if keras else "unobserved")
    return {"init": "observed", "batch order": "supplied" if job["init"] == "supplied" else "unobserved",
            "forward": replayed, "loss": "observed", "first update": replayed, "steps": seen("steps"),
            "weights": seen("epochs")}


def run(arguments):
    """Trains as the job says. Whatever happens, a record is left."""
    began = time.time()
    job = files.read_job(arguments.job)
    content = b""
    try:
        launch.once(job["controls"], arguments.words)
        process.begin(dict(job["controls"], load=0) if arguments.command == "warm" else job["controls"])
        if arguments.command == "warm":
            if compile_cache.key(job) in compile_cache.entries(arguments.cache):
                return
            job = dict(job, repeats=1, epochs=1)
        supplied, masks = None, None
        if job["init"] == "supplied":
            seeding.before_imports(job)
            supplied, masks = files.read_supplied(arguments.job, job)
        result, content = compute(job, supplied, masks, arguments.cache, arguments.command == "warm")
    except seeding.Unavailable as error:
        result = {"status": "unavailable", "reason": scrub.scrub(str(error))}
    except Exception as error:
        result = {"status": "failed", "reason": scrub.scrub("%s: %s" % (type(error).__name__, error)),
                  "traceback": scrub.scrub(traceback.format_exc())}
    finally:
        process.end()
    result.update(schema=SCHEMA, job=dict((key, job[key]) for key in job if key not in ("supplied", "masks")),
                  environment=environment())
    result.setdefault("times", {})["total"] = time.time() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result["peak_memory_bytes"] = usage.ru_maxrss * 1024
    result["process"] = {"pid": os.getpid(), "cpu_seconds": usage.ru_utime + usage.ru_stime}
    files.write(arguments.output, "arrays.bin", content)
    files.write_json(arguments.output, "record.json", result)


def probe(arguments):
    """Only who and where: the stack and the machine."""
    emulation.check()
    files.write_json(arguments.output, "probe.json", dict(environment(), schema=SCHEMA))


def main(argv):
    emulation.apart()
    parser = argparse.ArgumentParser(prog="guest", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    for name in ("run", "warm"):
        command = commands.add_parser(name)
        command.add_argument("job")
        command.add_argument("output")
        command.add_argument("--cache")
        command.set_defaults(action=run)
    command = commands.add_parser("probe")
    command.add_argument("output")
    command.set_defaults(action=probe)
    arguments = parser.parse_args(argv)
    arguments.words = argv
    arguments.action(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
