"""Which keys split classes: planted causes are found, and nothing is found where there is no cause."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import explanation
from bench.explanation import Explanation, Table, sentence, suspects

Columns = dict[str, list[str | None]]


def tabled(columns: Columns) -> Table:
    """The table of some columns; None is a key that a unit does not have."""
    units = max((len(column) for column in columns.values()), default=0)
    return Table.of([{key: value for key, column in columns.items() if (value := column[unit]) is not None}
                     for unit in range(units)])  # fmt: skip


def explain(classes: list[int], columns: Columns) -> tuple[Explanation, ...]:
    return explanation.explain(classes, tabled(columns))


def test_a_key_that_makes_the_very_partition_is_exact() -> None:
    """Machines with AVX-512 end in one class, those without in another; the other keys say nothing."""
    table: Columns = {"cpu_flag.avx512f": ["yes", "yes", None, None], "kernel": ["5", "6", "5", "6"], "libc": ["1"] * 4}
    (one,) = explain([0, 0, 1, 1], table)
    assert (one.kind, one.keys) == ("exact", ("cpu_flag.avx512f",))
    assert one.values == (("yes", (0,)), ("(none)", (1,)))
    assert (one.gain, one.entropy, one.share) == (1.0, 1.0, 1.0)
    assert sentence(one) == "cpu_flag.avx512f splits them exactly: yes in class 1, (none) in class 2"


def test_keys_that_always_vary_together_are_one_explanation() -> None:
    table: Columns = {"cpu": ["a", "a", "b", "b"], "flag": ["no", "no", "yes", "yes"], "other": ["x", "y", "x", "y"]}
    (one,) = explain([0, 0, 1, 1], table)
    assert one.keys == ("cpu", "flag")


def test_a_key_with_more_values_than_classes_refines() -> None:
    """Three drivers, two classes: each driver lies in one class."""
    (one,) = explain([0, 0, 1, 1, 1], {"driver": ["1", "1", "2", "3", "3"]})
    assert one.kind == "refinement"
    assert one.counterexamples == ()


def test_the_best_of_those_that_do_not_settle_it_comes_with_its_figure_and_counterexamples() -> None:
    """Seven of eight follow the library; the one that does not is named. I(C; K) worked by hand: 1 - 0.5 * H(1/4)."""
    classes = [0, 0, 0, 0, 1, 1, 1, 0]
    library: list[str | None] = [*"aaaa", *"bbbb"]
    (one,) = explain(classes, {"library": library})
    entropy = -(5 / 8) * math.log2(5 / 8) - (3 / 8) * math.log2(3 / 8)
    left = 0.5 * (-(1 / 4) * math.log2(1 / 4) - (3 / 4) * math.log2(3 / 4))
    assert one.kind == "gain"
    assert one.entropy == pytest.approx(entropy, abs=1e-12)
    assert one.gain == pytest.approx(entropy - left, abs=1e-12)
    assert [(example.value, example.units) for example in one.counterexamples] == [("b", ((0, (7,)), (1, (4, 5, 6))))]
    assert "not for all of it" in sentence(one)


def test_a_key_that_differs_on_every_unit_explains_nothing() -> None:
    assert explain([0, 0, 1], {"uuid": ["a", "b", "c"]}) == ()


def test_one_class_needs_no_explanation() -> None:
    assert explain([0, 0, 0], {"kernel": ["5", "6", "6"]}) == ()
    assert explain([], {}) == ()


def test_as_many_classes_as_units() -> None:
    with pytest.raises(ValueError, match="3 classes for 2 units"):
        explain([0, 1, 1], {"kernel": ["5", "6"]})


def test_a_part_of_the_units_is_explained_by_what_varies_there() -> None:
    """Keys that differ elsewhere but vary together among the units asked for are one explanation there."""
    table = tabled({"cpu": ["a", "a", "b", "b", "b"], "flag": ["no", "no", "yes", "yes", "no"]})
    assert [one.keys for one in explanation.explain([0, 0, 1, 1], table, [0, 1, 2, 3])] == [("cpu", "flag")]
    assert {one.keys for one in explanation.explain([0, 1, 1, 1, 0], table)} == {("cpu",), ("flag",)}


def test_a_unit_alone_against_others_like_it_is_suspect() -> None:
    """Three machines with one fingerprint, one of them with another result: that one is named."""
    table = tabled({"cpu": ["a", "a", "a", "b"], "kernel": ["6", "6", "6", "6"]})
    assert suspects([0, 0, 1, 1], table) == (((2,), (0, 1)),)
    assert suspects([0, 0, 0, 1], table) == ()


@given(st.data())
def test_a_planted_cause_is_found_among_noise(data: st.DataObject) -> None:
    """Whatever else varies: a key that decides the class is exact, and no key is called exact that does not."""
    units = data.draw(st.integers(4, 30))
    classes = data.draw(st.lists(st.integers(0, 3), min_size=units, max_size=units))
    noise: Columns = {
        f"noise.{number}": data.draw(st.lists(st.sampled_from("abc"), min_size=units, max_size=units))
        for number in range(3)
    }
    table: Columns = {**noise, "cause": [f"value {one}" for one in classes]}
    found = explain(classes, table)
    exact = [one for one in found if one.kind == "exact"]
    if 1 < len(set(classes)) < units:
        assert "cause" in exact[0].keys
    for one in exact:
        for key in one.keys:
            column = table[key]
            assert len(set(zip(column, classes, strict=True))) == len(set(classes)) == len(set(column))


@given(st.integers(0, 2**32), st.lists(st.integers(0, 2), min_size=2, max_size=20))
def test_the_order_of_units_is_irrelevant(seed: int, classes: list[int]) -> None:
    """The same kinds, keys and gains, whatever the order."""
    units = range(len(classes))
    table: Columns = {name: [f"{name}{random.Random(f'{seed}{name}{unit}').randrange(3)}" for unit in units]
                      for name in ("one", "two", "three")}  # fmt: skip
    order = list(range(len(classes)))
    random.Random(seed).shuffle(order)
    shuffled: Columns = {key: [column[unit] for unit in order] for key, column in table.items()}
    first = explain(classes, table)
    second = explain([classes[unit] for unit in order], shuffled)
    assert [(one.kind, one.keys, round(one.gain, 9)) for one in first] == [
        (one.kind, one.keys, round(one.gain, 9)) for one in second
    ]
