import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.errors import ConfigError, ModelError, SmaltaError
from smalta.system.records import check_keys, parse_json, read_record, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    size: float
    spokes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Horn:
    sound: str

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return read_record(cls, values, what="the horn", fix="buy another one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    name: str
    size_hw: tuple[int, int] = (2, 3)
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    horn: Horn | None = None
    speeds: Mapping[str, float] = field(default_factory=dict)
    gear: Literal["manual", "automatic"] | Literal["none"] = "none"
    open_top: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


CAR = Car(
    name="a",
    size_hw=(5, 7),
    wheels=(Wheel(size=1.5), Wheel(size=2, spokes=9)),
    spare=Wheel(size=0.5),
    horn=Horn(sound="beep"),
    speeds={"first": 10.5},
    gear="manual",
    open_top=True,
    facts={"maker": ["b", {"c": None}]},
)


def read(values: object, **changes: Any) -> Car:
    return read_record(Car, values, what="the car", fix="build another one", **changes)


def test_a_record_comes_back_from_json_equal() -> None:
    assert read(json.loads(json.dumps(asdict(CAR)))) == CAR
    assert read({"name": "a"}) == Car(name="a")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": "red"}, "unknown keys ['colour'] in the car; known keys are ['facts', 'gear', 'horn', 'name', "),
        ({"name": 3}, "the entry 'name' of the car is 3, not text; build another one"),
        ({"name": None}, "the entry 'name' of the car is null, not text; build another one"),
        ({"size_hw": [1]}, "the entry 'size_hw' of the car is a list of 1, not a list of 2; build"),
        ({"size_hw": [1, "b"]}, "the entry 'size_hw.1' of the car is 'b', not a whole number; build"),
        ({"size_hw": [1, 2.0]}, "the entry 'size_hw.1' of the car is 2.0, not a whole number; build"),
        ({"size_hw": [1, True]}, "the entry 'size_hw.1' of the car is true, not a whole number; build"),
        ({"size_hw": [1, 10**5000]}, "the entry 'size_hw.1' of the car is a number that is too large, not a whole"),
        ({"wheels": {}}, "the entry 'wheels' of the car is a mapping of 0, not a list; build"),
        ({"wheels": [3]}, "the entry 'wheels.0' of the car is 3, not a mapping; build"),
        ({"wheels": [{"size": math.nan}]}, "the entry 'wheels.0.size' of the car is NaN, not a finite number; build"),
        ({"wheels": [{"size": -math.inf}]}, "the entry 'wheels.0.size' of the car is -Infinity, not a finite number"),
        ({"wheels": [{"size": True}]}, "the entry 'wheels.0.size' of the car is true, not a finite number; build"),
        ({"wheels": [{"spokes": 3}]}, "the entry 'wheels.0' of the car lacks the entry 'size'; build another one"),
        ({"wheels": [{"size": 1, "x": 1}]}, "unknown keys ['x'] in the entry 'wheels.0' of the car; known keys are"),
        ({"spare": 4}, "the entry 'spare' of the car is 4, not a mapping or null; build another one"),
        ({"spare": {"size": 1, "spokes": 0.5}}, "'spare.spokes' of the car is 0.5, not a whole number or null; build"),
        ({"horn": {"sound": 1}}, "the entry 'sound' of the horn is 1, not text; buy another one"),
        ({"horn": "beep"}, "the entry 'horn' of the car is 'beep', not a mapping or null; build another one"),
        ({"speeds": {"first": "fast"}}, "the entry 'speeds.first' of the car is 'fast', not a finite number; build"),
        ({"speeds": {1: 1}}, "the entry 'speeds' of the car is a mapping of 1, not a mapping with text as keys"),
        ({"gear": "five"}, "the entry 'gear' of the car is 'five', not 'manual' or 'automatic' or 'none'; build"),
        ({"gear": ["none"]}, "the entry 'gear' of the car is a list of 1, not 'manual' or"),
        ({"open_top": 1}, "the entry 'open_top' of the car is 1, not true or false; build another one"),
        ({"name": b"a"}, "the entry 'name' of the car is a value of the type bytes, not text; build another one"),
    ],
)
def test_what_does_not_fit_is_named_with_its_rule_and_the_way_out(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(asdict(CAR) | changes)

    assert sentence in str(caught.value)


def test_a_record_is_a_mapping() -> None:
    with pytest.raises(ConfigError, match="the car is a list of 2, not a mapping; build another one"):
        read([1, 2])


def test_a_key_without_a_default_is_required_and_of_a_complete_record_every_key() -> None:
    with pytest.raises(ConfigError, match="the car lacks the entry 'name'; build another one"):
        read({})
    with pytest.raises(ConfigError, match="the car lacks the entry 'size_hw'"):
        read({"name": "a"}, complete=True)
    with pytest.raises(ConfigError, match=r"the entry 'wheels.0' of the car lacks the entry 'spokes'"):
        read(asdict(CAR) | {"wheels": [{"size": 1.0}]}, complete=True)


def test_the_error_is_of_the_class_that_is_asked_for() -> None:
    for values in ({}, {"name": 1}, {"nam": "a"}, 3):
        with pytest.raises(ModelError):
            read(values, error=ModelError)


def test_sentences_stay_short_whatever_a_file_holds() -> None:
    hostile = [
        {"name": ["x" * 10**6] * 1000},
        {"y" * 10**6: 1},
        {f"key {n}": n for n in range(10_000)},
        {"name": "a", "speeds": {"z" * 10**6: None}},
        {"name": "a", "gear": "w" * 10**6},
    ]

    for values in hostile:
        with pytest.raises(ConfigError) as caught:
            read(values)
        assert len(str(caught.value)) < 500


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    values=plain
    | st.fixed_dictionaries({"name": plain}, optional={name: plain for name in asdict(CAR) if name != "name"})
    | st.dictionaries(st.sampled_from(sorted(asdict(CAR))), plain)
)
def test_any_plain_data_make_a_record_of_the_right_types_or_an_error_in_words(values: Any) -> None:
    try:
        car = read(values)
    except SmaltaError:
        return
    assert isinstance(car.name, str)
    assert all(type(side) is int for side in car.size_hw)
    assert all(isinstance(wheel, Wheel) and math.isfinite(wheel.size) for wheel in car.wheels)
    assert all(math.isfinite(speed) for speed in car.speeds.values())
    assert car.gear in ("manual", "automatic", "none")
    assert isinstance(car.open_top, bool)


def test_the_caller_may_say_the_fix_itself() -> None:
    with pytest.raises(ConfigError, match=r"^the car is 3, not a mapping$"):
        read_record(Car, 3, what="the car")
    with pytest.raises(ConfigError, match=r"^the car lacks the entry 'name'$"):
        read_record(Car, {}, what="the car")


def test_keys_can_be_checked_alone() -> None:
    assert check_keys({"a": 1}, {"a", "b"}, what="it", fix="mend it") == {"a": 1}
    with pytest.raises(ConfigError, match=r"unknown keys \['c'\] in it; known keys are \['a', 'b'\]; mend it"):
        check_keys({"c": 1}, {"b", "a"}, what="it", fix="mend it")
    with pytest.raises(ConfigError, match="it lacks the entry 'a'; mend it"):
        check_keys({}, {"a"}, required=("a",), what="it", fix="mend it")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "1" * 5000, b"\xff\xfe\xff"])
def test_what_is_not_json_is_refused_in_words(text: str | bytes) -> None:
    with pytest.raises(ConfigError, match=r"^not JSON: .+"):
        parse_json(text)


def test_json_is_read() -> None:
    assert parse_json(b'{"a": [1, null, "\xc3\xa4"]}') == {"a": [1, None, "ä"]}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "null"),
        (False, "false"),
        (-3, "-3"),
        (0.5, "0.5"),
        ("a\nb", r"'a\nb'"),
        ("x" * 100, repr("x" * 40) + "..."),
        ([1, 2], "a list of 2"),
        ({}, "a mapping of 0"),
        (2**200, "a number that is too large"),
        (object(), "a value of the type object"),
    ],
)
def test_a_value_is_shown_in_a_few_words(value: object, sentence: str) -> None:
    assert shown(value) == sentence
