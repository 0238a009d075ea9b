"""Recomputes every digest of a record from the bytes of its arrays, and refuses what does not go together."""

from bench.cell import Cell
from bench.digests import array_digest, lines_digest, row_digests, sha256
from bench.errors import RefusedInput, UsageError
from bench.records import Array, Record, Repeat, result_lines


def verify(record: Record, content: bytes) -> None:
    """Recomputes every digest of a record from the bytes of its arrays; RefusedInput names the first that is off.

    The verdict IDENTICAL rests on `result_digest`, so it is never taken on trust.
    """
    try:
        Cell.parse(record.run.cell)
    except UsageError as error:
        raise RefusedInput(f"$.run.cell: {error}") from None
    outcome = record.outcome
    if outcome is None or outcome.result_digest is None:
        if record.ok:
            raise RefusedInput("status ok, but no result")
        return
    if outcome.job.get("cell") != record.run.cell:
        raise RefusedInput(f"the run is {record.run.cell}, but the guest ran {outcome.job.get('cell')}")
    view = memoryview(content)
    for repeat in outcome.repeats:
        for array in repeat.arrays():
            _verify_array(array, view)
        _verify_epochs(repeat, view)
        _verify_steps(repeat)
    if lines_digest(result_lines(outcome.repeats)) != outcome.result_digest:
        raise RefusedInput("result_digest does not cover the arrays and scores that are listed")
    if not outcome.repeats or outcome.workload is None:
        raise RefusedInput("a result without repeats or workload")


def _verify_array(array: Array, content: memoryview) -> None:
    end = array.offset + array.nbytes
    if end > len(content):
        raise RefusedInput(f"array {array.name}: ends at byte {end} of a file of {len(content)}")
    if array_digest(array.dtype, array.shape, content[array.offset : end]) != array.sha256:
        raise RefusedInput(f"array {array.name}: its bytes do not have the digest {array.sha256[:12]}")


def _verify_epochs(repeat: Repeat, content: memoryview) -> None:
    """Each epoch's digest is that of the weights kept for it: SHA-256 over the digests of its arrays, in order."""
    if repeat.trajectory is None or repeat.epoch_digests is None:
        return
    if any(array.shape[:1] != (len(repeat.epoch_digests),) for array in repeat.trajectory):
        raise RefusedInput("the weights on the way are not as many as their epochs")
    epochs = len(repeat.epoch_digests)
    columns = [
        row_digests(array.dtype, array.shape[1:], content[array.offset : array.offset + array.nbytes], epochs)
        for array in repeat.trajectory
    ]
    for epoch, stated in enumerate(repeat.epoch_digests):
        if sha256("".join(column[epoch] for column in columns).encode("ascii")) != stated:
            raise RefusedInput(f"epoch {epoch + 1}: its digest is not that of the weights kept for it")


def _verify_steps(repeat: Repeat) -> None:
    """Each step has a loss and a digest, and each epoch as many steps."""
    if repeat.steps is None:
        return
    steps, epochs = len(repeat.steps.digests), repeat.losses.shape
    if repeat.steps.losses.shape != (steps,) or not steps or len(epochs) != 1 or not epochs[0] or steps % epochs[0]:
        raise RefusedInput(
            f"{steps} digests of steps, losses of steps {list(repeat.steps.losses.shape)}, losses of "
            f"epochs {list(epochs)}: these do not go together"
        )
