"""Conditions of rules for video: their grammar, and what a wrong one says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera_rules import TREE
from smalta.errors import ConfigError
from smalta.video.rulebook.conditions import FORMS, Condition, Count, On, Stays, Still, parse_condition, parse_seconds

PERSON, VEHICLE, BAG = (TREE[name].id for name in ("person", "vehicle", "bag"))
ZONES = {"shop": PERSON, "place 1": VEHICLE, "all": 0}


def parse(text: object) -> Condition:
    return parse_condition(text, TREE, ZONES, "rules.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "count in shop of person >= 5",
            Count(text="count in shop of person >= 5", zone="shop", node=PERSON, sign=">=", number=5),
        ),
        (
            "count  in place 1 of vehicle/car==0",
            Count(
                text="count in place 1 of vehicle/car==0",
                zone="place 1",
                node=TREE["car"].id,
                sign="=",
                number=0,
            ),
        ),
        ("person on road", On(text="person on road", node=PERSON, stuff=TREE["road"].id)),
        ("car on crossing", On(text="car on crossing", node=TREE["car"].id, stuff=TREE["road/crossing"].id)),
        (
            "person stays in shop > 10 min",
            Stays(text="person stays in shop > 10 min", node=PERSON, zone="shop", longer_s=600.0),
        ),
        ("bag still > 1.5 h", Still(text="bag still > 1.5 h", node=BAG, longer_s=5400.0, without=None, within_px=0.0)),
        (
            "bag still > 60s and no person within 80px",
            Still(
                text="bag still > 60s and no person within 80px", node=BAG, longer_s=60.0, without=PERSON, within_px=80
            ),
        ),
    ],
)
def test_a_condition_is_read(text: str, expected: Condition) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_a_message_names_is_a_condition(form: str) -> None:
    text = form.replace("no CLASS", "no person").replace("CLASS", "person").replace("STUFF", "road")

    assert parse(text.replace("ZONE", "shop")).text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("count in shop of persn >= 5", "'persn', which the model does not have; did you mean 'person'?"),
        ("count in shoop of person >= 5", "the zone 'shoop', which is not there; did you mean 'shop'?"),
        ("count in kitchen of person >= 5", "not there; zones are shop, place 1, all"),
        ("count in shop of road >= 5", "counts 'road', which is stuff and has no objects; classes with objects are"),
        ("count in shop of car >= 5", "the zone 'shop' has only objects of 'person'"),
        ("count in shop of person >= 0", "always holds"),
        ("count in shop of person < 0", "never holds"),
        ("count in shop of person >= 1000000", "counts to more than 100000"),
        ("person on vehicle", "the ground 'vehicle', which is a thing; classes that are stuff are floor, road"),
        ("floor on road", "'floor', which is stuff"),
        ("person on shop", "names the zone 'shop', and objects are on stuff; write 'person stays in shop > 1 s'"),
        ("person on rod", "did you mean 'road'?"),
        ("person stays in shop > 600", "has no unit; use s, min or h"),
        ("person stays in shop > 600 sec", "the unit 'sec'; use s, min or h"),
        ("person stays in shop > 0 s", "must be longer than 0 s"),
        ("person stays in shop > 800 h", "31 days at most"),
        ("bag still > 60 s and no person within 80", "has no unit; write it in px"),
        ("bag still > 60 s and no person within 80 m", "has the unit 'm'; write it in px"),
        ("bag still > 60 s and no person within 0 px", "must be more than 0 px"),
        ("bag still > 60 s and no road within 8 px", "'road', which is stuff"),
        ("person stay in shop > 600 s", "the nearest form is 'CLASS stays in ZONE > 60 s'"),
        ("number in shop of person >= 5", "the nearest form is 'count in ZONE of CLASS >= 5'"),
        ("", "is not a condition"),
        ("person on road" * 100, "has 1400 characters; a condition has at most 300"),
        (7, "is no text; write a condition such as"),
        (None, "is no text"),
    ],
)
def test_a_wrong_condition_says_what_is_right(text: object, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text)

    assert str(error.value).startswith("rules.yaml")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        (">=", [False, True, True]),
        (">", [False, False, True]),
        ("=", [False, True, False]),
        ("<", [True, False, False]),
    ],
)
def test_a_count_is_compared_as_it_is_written(sign: str, expected: list[bool]) -> None:
    condition = parse(f"count in shop of person {sign} 2")

    assert isinstance(condition, Count)
    assert [condition.holds(count) for count in (1, 2, 3)] == expected


@pytest.mark.parametrize(("text", "seconds"), [("20 s", 20.0), ("0.5 min", 30.0), (" 2h ", 7200.0)])
def test_times_have_units(text: str, seconds: float) -> None:
    assert parse_seconds(text, "rules") == seconds


@pytest.mark.parametrize("value", [20, 20.5, None, [20], "s", "-3 s", "1e3 s", "20 s s", "9" * 400 + " s"])
def test_other_times_are_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^rules"):
        parse_seconds(value, "rules")


def test_a_distance_grows_with_the_picture() -> None:
    condition = parse("bag still > 60 s and no person within 80 px")

    assert isinstance(condition, Still)
    assert condition.scaled(1.5).within_px == 120


@given(st.text(alphabet="count in shop of person on road >=<5 s still and no within px\x00ß", max_size=300))
def test_any_text_is_a_condition_or_one_sentence(text: str) -> None:
    try:
        condition: Condition | None = parse(text)
        message = ""
    except ConfigError as error:
        condition, message = None, str(error)

    assert len(message) < 1000
    assert condition is None or json.dumps(condition.to_dict(TREE))
