"""The readers under random input: an error of ours or a right record, never anything else.

`BENCH_FUZZ=5000 tox -e py311 -- tests/test_fuzz.py` looks longer. What was found is kept as
examples here and as cases of test_bad_input.py and test_observations.py.
"""

import contextlib
import functools
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench import bundle, jsonlines, observations, records
from bench.digests import array_digest, sha256
from bench.errors import RefusedInput
from bench.observations import Observation
from bench.store import Refused, Store, Stored, StoredObservation
from tests.forgery import Files, good, listed, pack, records_of, rename
from tests.test_observations import line

fuzzed = settings(deadline=None, max_examples=int(os.environ.get("BENCH_FUZZ", "60")), print_blob=True)

#: Any JSON value that Python can write, with what strict JSON does not have among it.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
    | st.sampled_from(["<f4", "bfloat16", "|O", "float32", "inf", "0x1p+0", "", "../x", 10**30, -1, "0" * 64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@functools.cache
def valid() -> tuple[Files, bytes]:
    """The files of a valid bundle, and the bundle."""
    with tempfile.TemporaryDirectory() as name:
        return good(Path(name)), (Path(name) / "good.zip").read_bytes()


def collected(content: bytes) -> dict[str, bytes]:
    """What gets into a fresh store, by path below it; everything in it must be readable, or nothing is refused."""
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "store")
        with contextlib.suppress(RefusedInput):
            bundle.collect(io.BytesIO(content), store)
        assert os.listdir(name) == ["store"]
        for one in (*store.scan(), *store.observations()):
            assert not isinstance(one, Refused), one
        return {
            str(path.relative_to(store.folder)): path.read_bytes()
            for path in store.folder.rglob("*")
            if path.is_file() and path.relative_to(store.folder).parts[0] not in ("cache", "store.json")
        }


def mutate(content: bytes, data: st.DataObject) -> bytes:
    """Some bytes flipped, cut out, put in or doubled; or the rest cut off."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(changed) - 1)))
        length = data.draw(st.integers(0, 40))
        match data.draw(st.sampled_from(["flip", "cut", "put", "double", "truncate"])):
            case "flip" if changed:
                changed[place] ^= data.draw(st.integers(1, 255))
            case "cut":
                del changed[place : place + length]
            case "put":
                changed[place:place] = data.draw(st.binary(max_size=20))
            case "double":
                changed[place:place] = changed[place : place + length]
            case "truncate":
                del changed[place:]
    return bytes(changed)


@fuzzed
@given(st.data())
def test_a_mutated_bundle_gives_right_files_or_none(data: st.DataObject) -> None:
    files, content = valid()
    for name, found in collected(mutate(content, data)).items():
        assert files[name] == found


@fuzzed
@given(st.data())
def test_a_bundle_of_mutated_files_gives_right_files_or_none(data: st.DataObject) -> None:
    """The archive is whole; a member of it is mutated, the manifest perhaps with it."""
    files, _ = valid()
    name = data.draw(st.sampled_from(sorted(files)))
    changed = {**files, name: mutate(files[name], data)}
    if name != "manifest.json" and data.draw(st.booleans()):
        changed = listed(changed)
    with tempfile.TemporaryDirectory() as folder:
        pack(changed, Path(folder) / "x.zip")
        content = (Path(folder) / "x.zip").read_bytes()
    for path, found in collected(content).items():
        assert files[path] == found


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(one for key, part in inner for one in places(part, (*path, key)))]


def put(raw: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A JSON value with another one at a path."""
    if not path:
        return value
    for key in path[:-1]:
        raw = raw[key]
    raw[path[-1]] = value
    return None


def forged(body: bytes, data: st.DataObject) -> bytes:
    """A JSON body with one to three values replaced by random ones."""
    raw = json.loads(body)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(raw)))
        replaced = put(raw, path, data.draw(JSON))
        raw = raw if path else replaced
    return (json.dumps(raw, sort_keys=data.draw(st.booleans())) + "\n").encode()


@fuzzed
@given(st.data())
def test_a_forged_record_is_whole_or_refused(data: st.DataObject) -> None:
    """Every digest of the bundle is right. What gets in has the arrays that it says, by digests worked out anew."""
    files, _ = valid()
    old = records_of(files)[0]
    body = forged(files[f"records/{old}/record.json"], data)
    with tempfile.TemporaryDirectory() as name:
        pack(rename(files, old, body), Path(name) / "x.zip")
        store = Store(Path(name) / "store")
        result = bundle.collect(Path(name) / "x.zip", store)
        assert result.new + len(result.refused) == 3
        found = list(store.scan())
    for one in found:
        assert isinstance(one, Stored), one
        assert one.record.outcome is None or not one.record.ok or one.record.outcome.repeats
        for repeat in one.record.outcome.repeats if one.record.outcome else ():
            for array in repeat.arrays():
                part = one.content[array.offset : array.offset + array.nbytes]
                assert array_digest(array.dtype, array.shape, part) == array.sha256
                assert records.read_array(array, one.content).nbytes == array.nbytes


@fuzzed
@given(st.data())
def test_a_forged_observation_is_whole_or_refused(data: st.DataObject) -> None:
    files, _ = valid()
    path = min(name for name in files if name.startswith("observations/"))
    body = forged(files[path], data)
    changed = {name: content for name, content in files.items() if name != path}
    changed[f"observations/{sha256(body)}.json"] = body
    with tempfile.TemporaryDirectory() as name:
        pack(listed(changed), Path(name) / "x.zip")
        store = Store(Path(name) / "store")
        result = bundle.collect(Path(name) / "x.zip", store)
        assert result.new_observations + len(result.refused) == 2
        for one in store.observations():
            assert isinstance(one, StoredObservation), one
            whole(one.observation, one.content)


def whole(observation: Observation, content: bytes) -> None:
    """An observation's digests and its array are those of its bytes, and its JSON gives it again."""
    value = observation.value
    assert array_digest(value.dtype, value.shape, content) == observation.digest
    assert observations.read_array(observation, content).shape == value.shape
    assert observations.from_json(observation.to_json()) == observation
    assert all(isinstance(key, str) and isinstance(text, str) for key, text in observation.fingerprint.items())


@fuzzed
@given(st.data())
def test_a_mutated_line_is_an_observation_or_refused(data: st.DataObject) -> None:
    body = json.dumps(line(run="a", index=1, notes="x")).encode()
    if data.draw(st.booleans()):
        body = forged(body, data)
    if data.draw(st.booleans()):
        body = mutate(body, data)
    for one in jsonlines.read(io.BytesIO(body)):
        if not isinstance(one, Refused):
            whole(*one)


@fuzzed
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b'{"schema": 1, "machine": {"fingerprint": {"a": 1}, "fingerprint": {}}}')
def test_random_bytes_are_no_observation_and_no_record(content: bytes) -> None:
    for one in jsonlines.read(io.BytesIO(content)):
        assert isinstance(one, Refused)
    for read in (records.from_json, observations.from_json):
        with pytest.raises(RefusedInput):
            read(content)


@fuzzed
@given(st.data())
def test_a_mutated_file_of_a_store_is_named(data: st.DataObject) -> None:
    """An observation or its value, changed where it is kept."""
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name))
        digest = store.add_observation(*jsonlines.parse(json.dumps(line()).encode()))
        kept = store.read_observation(digest)
        path = store.folder / data.draw(
            st.sampled_from([f"observations/{digest}.json", f"blobs/{kept.observation.value.blob}"])
        )
        changed = mutate(path.read_bytes(), data)
        same = changed == path.read_bytes()
        path.write_bytes(changed)
        (found,) = store.observations()
        assert found == kept if same else isinstance(found, Refused)
