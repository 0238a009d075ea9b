"""The import format: exact or refused, line by line; and how a store and a bundle keep what it gives."""

import base64
import io
import json
import math
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import bundle, elements, fingerprints, jsonlines, observations
from bench.digests import array_digest, sha256
from bench.errors import RefusedInput
from bench.observations import Observation
from bench.store import Refused, Store, StoredObservation
from tests.planted import Planted, fits


def line(**changes: Any) -> dict[str, Any]:
    """A legal line; a key whose change is None is left out."""
    made = {
        "schema": 1,
        "subject": "cnn/epoch 3/loss",
        "machine": {"label": "box", "fingerprint": {"cpu": "Xeon", "cores": 8, "avx512": True}},
        "dtype": "float32",
        "shape": [2],
        "values": ["0x1.8p+0", 0.1],
        **changes,
    }
    return {key: value for key, value in made.items() if value is not None}


def parsed(**changes: Any) -> tuple[Observation, bytes]:
    return jsonlines.parse(json.dumps(line(**changes)).encode())


def read(*lines: object) -> list[tuple[Observation, bytes] | Refused]:
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    return list(jsonlines.read(io.BytesIO(text.encode())))


def test_a_line_becomes_an_observation_with_the_digest_that_records_use() -> None:
    found, content = parsed(run="a", index=3, notes="from a thesis")
    assert content == struct.pack("<2f", 1.5, 0.1)
    assert found.digest == array_digest("<f4", (2,), content)
    assert found.subject == "cnn/epoch 3/loss"
    assert found.fingerprint == {"cpu": "Xeon", "cores": "8", "avx512": "true"}
    assert (found.machine.label, found.run, found.index, found.notes) == ("box", "a", 3, "from a thesis")
    assert observations.read_array(found, content).tolist() == [1.5, np.float32(0.1)]


def test_base64_and_hex_floats_of_the_same_bits_are_one_result() -> None:
    raw = struct.pack("<2f", 1.5, 0.1)
    left, _ = parsed(values=None, base64=base64.b64encode(raw).decode())
    right, _ = parsed(values=["0x1.8p+0", float(np.float32(0.1)).hex()])
    assert left == right


EIGHT = base64.b64encode(bytes(8)).decode()


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"schema": 2}, "$.schema: 2; this bench reads 1"),
        ({"schema": True}, "$.schema: True"),
        ({"schema": None}, "$.schema: None"),
        ({"subjekt": "x"}, "$: unknown key 'subjekt'; legal: schema, subject"),
        ({"machine": {"fingerprint": {}, "lable": "x"}}, "$.machine: unknown key 'lable'; legal: label, fingerprint"),
        ({"machine": {"label": "x"}}, "$.machine.fingerprint: Field required"),
        ({"machine": {"fingerprint": {"cpu": {"model": "x"}}}}, "$.machine.fingerprint.cpu: a JSON object"),
        ({"machine": {"fingerprint": {"cpu": None}}}, "$.machine.fingerprint.cpu: a JSON null"),
        ({"subject": ""}, "$.subject"),
        ({"subject": "two\nlines"}, "$.subject"),
        ({"subject": "x" * 501}, "$.subject"),
        ({"index": -1}, "$.index"),
        ({"index": "1"}, "$.index"),
        ({"notes": 5}, "$.notes"),
        ({"notes": "x" * 100_000}, "$.notes"),
        ({"dtype": "float33"}, "$.dtype: unknown 'float33'; legal: float16, bfloat16"),
        ({"dtype": "object"}, "$.dtype: unknown 'object'"),
        ({"shape": [3]}, "$.values: 2 of them; shape [3] of float32 has 3"),
        ({"shape": 2}, "$.shape"),
        ({"shape": [-2]}, "$.shape.0"),
        ({"shape": [True, 2]}, "$.shape.0"),
        ({"shape": [1] * 33, "values": [1]}, "at most 32"),
        ({"shape": [10**9], "values": None, "base64": "AAAAAAAAAAAAAA=="}, "$.shape: "),
        ({"shape": [10**6, 10**6], "values": [1.0]}, "$.shape: "),
        ({"shape": [0, 10**30], "values": []}, "$.shape: "),
        ({"shape": [10**7], "values": None, "base64": "AAAAAAAAAAAAAA=="}, "$.base64: 10 bytes; shape [10000000]"),
        ({"shape": [2**25], "values": [0]}, "the limit is 67108864"),
        ({"base64": EIGHT}, "exactly one of base64 and values"),
        ({"values": None}, "exactly one of base64 and values"),
        ({"values": None, "base64": EIGHT[:-1]}, "$.base64: Incorrect padding"),
        ({"values": None, "base64": "!!!!AAAAAAA="}, "$.base64: "),
        ({"values": None, "base64": "===="}, "$.base64: "),
        ({"values": [1, None]}, "$.values.1: a JSON null; legal: a number, a hex float"),
        ({"values": [1, True]}, "$.values.1: a JSON boolean"),
        ({"values": [1, [2]]}, "$.values.1: a JSON array"),
        ({"values": [1, "1.5"]}, "$.values.1: '1.5'; legal:"),
        ({"values": [1, "0x" + "f" * 200]}, "$.values.1"),
        ({"values": [1, "0x1p+99999"]}, "$.values.1: '0x1p+99999': not exact in a float64"),
        ({"values": [1, "0x1p-99999"]}, "$.values.1: '0x1p-99999': not exact in a float64"),
        ({"values": [1, "0x1.000001p+0"]}, "$.values.1: '0x1.000001p+0': not exact in this dtype"),
        ({"values": [1, "0x1.00000000000001p+0"], "dtype": "float64"}, "not exact in a float64"),
        ({"values": [1, 2**53 + 1], "dtype": "float64"}, "not exact in a float64"),
        ({"values": [1, 10**400], "dtype": "float64"}, "not exact in a float64"),
        ({"values": [1, 2049], "dtype": "float16"}, "$.values.1: 2049: halfway between two"),
        ({"values": [1, 65520], "dtype": "float16"}, "$.values.1: 65520: too large"),
        ({"values": [1, 1e39]}, "$.values.1: 1e+39: too large"),
        ({"values": [1, 3.4e38], "dtype": "bfloat16"}, "too large"),
        ({"values": [1, 128], "dtype": "int8"}, "$.values.1: 128; legal: a whole number from -128 to 127"),
        ({"values": [1, 1.0], "dtype": "int64"}, "$.values.1: 1.0; legal: a whole number"),
        ({"values": [1, -1], "dtype": "uint64"}, "a whole number from 0 to 18446744073709551615"),
        ({"values": [True, 1], "dtype": "bool"}, "$.values.1: 1; legal: true or false"),
        ({"values": None, "base64": "AAI=", "dtype": "bool"}, "neither 0 nor 1"),
        ({"machine": {"fingerprint": {f"k{i}": "x" * 60_000 for i in range(18)}}}, "bytes beside the value"),
        ({"machine": {"fingerprint": {"k": "x" * 70_000}}}, "$.machine.fingerprint.k"),
    ],
)
def test_a_bad_line_is_refused_with_path_and_reason(changes: dict[str, Any], wanted: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        parsed(**changes)
    assert wanted in str(refused.value)


@pytest.mark.parametrize("text", ["{", "[]", "null", "5", '{"schema": 1, "subject": NaN}', "\\", '{"schema": 1e999}',
                                  '{"schema": 1, "schema": 1}', "[" * 100_000, '"\\ud800"', "1" * 5000])  # fmt: skip
def test_what_is_no_json_object_is_refused(text: str) -> None:
    (found,) = read(text)
    assert isinstance(found, Refused)
    assert found.name == "line 1"


def test_a_lone_surrogate_is_refused() -> None:
    for changes in ({"subject": "\ud800"}, {"machine": {"fingerprint": {"\ud800": 1}}}, {"notes": "\udfff"}):
        with pytest.raises(RefusedInput):
            parsed(**changes)


def test_good_lines_are_kept_and_bad_ones_numbered() -> None:
    good, bad, last = read(line(), "{", "", line(run="b"), " ")
    assert isinstance(good, tuple)
    assert isinstance(bad, Refused)
    assert isinstance(last, tuple)
    assert (bad.name, last[0].run) == ("line 2", "b")


def test_a_line_without_end_is_passed_over_without_reading_it_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "LONGEST", 1000)
    long, good = read("x" * 5000, line())
    assert isinstance(long, Refused)
    assert (long.name, long.reason) == ("line 1", "longer than 1000 bytes")
    assert isinstance(good, tuple)
    (alone,) = read("x" * 5000)
    assert isinstance(alone, Refused)


DTYPES = {"<f2": np.float16, "<f4": np.float32, "<f8": np.float64}


def exact(bits: int, dtype: str) -> float:
    """The float64 of the bits of a float, worked out from IEEE 754's definition and not with NumPy."""
    width, significand = {"<f2": (16, 10), "bfloat16": (16, 7), "<f4": (32, 23), "<f8": (64, 52)}[dtype]
    exponent_bits = width - 1 - significand
    sign = -1 if bits >> (width - 1) else 1
    exponent = (bits >> significand) & ((1 << exponent_bits) - 1)
    fraction = bits & ((1 << significand) - 1)
    bias = (1 << (exponent_bits - 1)) - 1
    if exponent == (1 << exponent_bits) - 1:
        return math.nan if fraction else sign * math.inf
    whole = fraction + ((1 << significand) if exponent else 0)
    value = Fraction(whole) * Fraction(2) ** (max(exponent, 1) - bias - significand)
    return sign * float(value)


@pytest.mark.parametrize("dtype", ["<f2", "bfloat16", "<f4", "<f8"])
@given(data=st.data())
def test_every_float_comes_back_from_its_hex_print(dtype: str, data: st.DataObject) -> None:
    width = {"<f2": 16, "bfloat16": 16, "<f4": 32, "<f8": 64}[dtype]
    bits = data.draw(st.integers(0, 2**width - 1))
    value = exact(bits, dtype)
    found = int.from_bytes(elements.encode([value.hex()], dtype), "little")
    if math.isnan(value):
        assert math.isnan(exact(found, dtype))
    else:
        assert found == bits


@pytest.mark.parametrize("dtype", ["<f2", "bfloat16", "<f4"])
@given(value=st.floats(allow_nan=False, allow_infinity=False) | st.floats(-70000, 70000))
def test_a_number_becomes_the_nearest_float_or_is_refused(dtype: str, value: float) -> None:
    """Nearest by exact rational arithmetic; refused exactly where there are two nearest, or none."""
    width = 32 if dtype == "<f4" else 16
    largest = {"<f2": 65504.0, "bfloat16": exact(0x7F7F, "bfloat16"), "<f4": exact(0x7F7FFFFF, "<f4")}[dtype]
    try:
        bits = int.from_bytes(elements.encode([value], dtype), "little")
        fault = ""
    except RefusedInput as refused:
        fault = str(refused)
    if fault:
        assert "halfway" in fault or ("too large" in fault and abs(value) > largest)
        return
    found = exact(bits, dtype)
    gap = abs(Fraction(found) - Fraction(value))
    magnitude = bits & ((1 << (width - 1)) - 1)
    for beside in (magnitude - 1, magnitude + 1):
        other = exact(max(0, beside), dtype)
        if beside >= 0 and math.isfinite(other):
            assert abs(Fraction(math.copysign(other, value)) - Fraction(value)) > gap


@pytest.mark.parametrize(("dtype", "values"), [
    ("|b1", [True, False]), ("|i1", [-128, 127]), ("|u1", [0, 255]), ("<i2", [-(2**15), 2**15 - 1]),
    ("<u2", [0, 65535]), ("<i4", [-(2**31), 2**31 - 1]), ("<u4", [0, 2**32 - 1]), ("<i8", [-(2**63), 2**63 - 1]),
    ("<u8", [0, 2**64 - 1]),
])  # fmt: skip
def test_integers_keep_their_limits(dtype: str, values: list[int]) -> None:
    assert np.frombuffer(elements.encode(values, dtype), dtype).tolist() == values


def test_hex_floats_of_other_languages_are_read() -> None:
    """C's %a and %A, Java's toHexString, a signed zero, infinities."""
    texts = ["0x1p+0", "0X1.8P+1", "0x1.0p0", "-0x0p+0", "inf", "-Inf", "0xc.9p-2"]
    found = np.frombuffer(elements.encode(texts, "<f8"), "<f8")
    assert found.tolist() == [1.0, 3.0, 1.0, 0.0, math.inf, -math.inf, 3.140625]
    assert math.copysign(1, found[3]) == -1


def test_equal_numbers_have_one_text() -> None:
    assert [fingerprints.text(one) for one in (8, 8.0, True, None, 0.5, "8", 1e300, -0.0)] == [
        "8", "8", "true", "null", "0.5", "8", "1e+300", "0"]  # fmt: skip


def test_a_record_has_a_flat_fingerprint_too() -> None:
    record, _ = Planted(fits=fits()).record()
    found = fingerprints.keys(record, {"distributions": ["Keras 2.0.3 aaa"], "interpreter": {"version": "2.7"}})
    assert found["stack"] == "b" * 64
    assert found["package.keras"] == "2.0.3 aaa"
    assert found["interpreter.version"] == "2.7"
    assert found["executor"] == "docker"
    assert "hardware.digest" not in found


def observed(store: Store) -> list[StoredObservation]:
    found = list(store.observations())
    assert all(isinstance(one, StoredObservation) for one in found)
    return [one for one in found if isinstance(one, StoredObservation)]


def test_a_store_keeps_an_observation_once_and_equal_bytes_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for run in ("a", "b", "a"):
        store.add_observation(*parsed(run=run))
    found = observed(store)
    assert sorted(str(one.observation.run) for one in found) == ["a", "b"]
    assert len(list((tmp_path / "blobs").iterdir())) == 1
    assert len({one.observation.digest for one in found}) == 1
    assert all(one.content == struct.pack("<2f", 1.5, 0.1) for one in found)


def forge(store: Store, change: Callable[[dict[str, Any]], object]) -> str:
    """An observation changed after it was made, under the right digest of its bytes."""
    raw = json.loads(parsed()[0].to_json())
    change(raw)
    body = (json.dumps(raw, sort_keys=True) + "\n").encode()
    store.add_observation(*parsed())
    digest = sha256(body)
    (store.folder / "observations" / f"{digest}.json").write_bytes(body)
    return digest


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda raw: raw.update(schema=2), "schema 2"),
        (lambda raw: raw.update(more=1), "more"),
        (lambda raw: raw["value"].update(shape=[3]), "8 bytes; shape [3]"),
        (lambda raw: raw["value"].update(shape=[10**9]), "the limit is"),
        (lambda raw: raw["value"].update(shape=[1, 2]), "do not have the digest"),
        (lambda raw: raw["value"].update(dtype="<i4"), "do not have the digest"),
        (lambda raw: raw["value"].update(dtype="|O"), "dtype '|O'"),
        (lambda raw: raw["value"].update(sha256="0" * 64), "do not have the digest"),
        (lambda raw: raw["value"].update(blob="0" * 64), "missing"),
        (lambda raw: raw["value"].update(blob="../store.json"), "blob"),
        (lambda raw: raw["machine"]["fingerprint"].update(cores=8), "cores"),
    ],
)
def test_a_forged_observation_is_refused_and_the_others_read(tmp_path: Path, change: Any, wanted: str) -> None:
    store = Store(tmp_path)
    name = forge(store, change)
    found = list(store.observations())
    (bad,) = [one for one in found if isinstance(one, Refused)]
    assert (bad.kind, bad.name) == ("observation", name)
    assert wanted in bad.reason
    assert len(found) == 2


def test_a_bundle_carries_observations_beside_records(tmp_path: Path) -> None:
    store = Store(tmp_path / "one")
    store.add_observation(*parsed())
    store.add_observation(*parsed(run="b"))
    bundle.export([], store, tmp_path / "b.zip", observed(store))
    other = Store(tmp_path / "two")
    first, second = (bundle.collect(tmp_path / "b.zip", other) for _ in range(2))
    assert (first.new_observations, first.known_observations, first.refused) == (2, 0, ())
    assert (second.new_observations, second.known_observations, second.refused) == (0, 2, ())
    assert observed(other) == observed(store)


def test_a_store_of_an_older_bench_has_no_observations_yet(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not (tmp_path / "observations").exists()
    assert observed(store) == []
    store.add_observation(*parsed())
    assert len(observed(store)) == 1
