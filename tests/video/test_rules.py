"""Files of rules for video: what they mean, and what a wrong one says."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from camera_rules import RULES, TREE
from hostile import damaged, plain
from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.video.rulebook.conditions import Still
from smalta.video.rules import WatchRules

STUFF_ALONE = ClassTree({"floor": {}, "road": {"children": {"crossing": {}, "lane": {}}}})


def parse(text: str, tree: ClassTree = TREE, **options: Any) -> WatchRules:
    return WatchRules.parse(yaml.safe_load(text), tree, where="rules.yaml", **options)


def message(text: str, tree: ClassTree = TREE, **options: Any) -> str:
    with pytest.raises(ConfigError) as error:
        parse(text, tree, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def zone(values: str) -> str:
    return f"picture: [640, 360]\nzones:\n  shop: {values}\n"


def line(values: str) -> str:
    return f"picture: [640, 360]\nlines:\n  door: {values}\n"


def event(values: str) -> str:
    return f"events:\n  - {values}\n"


def test_the_documented_rules_mean_what_they_say() -> None:
    rules = parse(RULES)

    shop, road, place = rules.zones
    assert (shop.name, shop.point, shop.of, shop.stuff) == ("shop", "foot", TREE["person"].id, None)
    assert shop.polygon is not None
    assert shop.polygon.tolist() == [[40, 90], [600, 90], [620, 350], [20, 350]]
    assert (road.polygon, road.stuff, road.of) == (None, TREE["road"].id, 0)
    assert (place.point, place.share, place.of) == ("overlap", 0.4, TREE["vehicle"].id)
    (door,) = rules.lines
    assert (door.start_xy, door.end_xy, door.in_side) == ((250, 120), (390, 120), "right")
    assert [(rule.name, rule.for_s) for rule in rules.events] == [
        ("queue", 20),
        ("jaywalk", 1),
        ("wrong_way", 2),
        ("loiter", 0),
        ("left", 0),
    ]
    assert rules.events[1].unless is not None
    assert rules.picture == (640, 360)
    assert rules.notes == ()


def test_the_page_of_rules_shows_rules_and_a_message_that_are_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "video-rules.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)

    assert parse(shown).digest == parse(RULES).digest
    assert message(shown.replace("polygon", "polygn", 1)) in page


def test_staff_is_ignored_if_its_attribute_says_so() -> None:
    rules = parse(RULES)
    person, bag = TREE["person"].id, TREE["bag"].id

    assert rules.ignores(person, {"clothing": 1})
    assert not rules.ignores(person, {"clothing": 2})
    assert not rules.ignores(person, {})
    assert not rules.ignores(bag, {"clothing": 1})


def test_rules_fit_larger_pictures_of_the_same_shape() -> None:
    fitted = parse(RULES).fitted((720, 1280))

    assert fitted.picture == (1280, 720)
    assert fitted.zones[0].polygon is not None
    assert fitted.zones[0].polygon[0].tolist() == [80, 180]
    assert fitted.lines[0].end_xy == (780, 240)
    left = fitted.events[-1].when
    assert isinstance(left, Still)
    assert left.within_px == 160
    assert fitted.fitted((360, 640)).digest == parse(RULES).digest


def test_rules_for_another_shape_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"for pictures of 640x360, and the video has 640x480, another shape; read"):
        parse(RULES).fitted((480, 640))
    with pytest.raises(ConfigError, match="the same turned by 90 degrees"):
        parse(RULES).fitted((640, 360))
    parse(RULES).fitted((768, 1366))  # 16:9 as far as whole pixels allow


def test_rules_without_coordinates_fit_every_picture() -> None:
    rules = parse(event("{name: jaywalk, when: person on road}"))

    assert rules.fitted((100, 900)) is rules


def test_the_digest_identifies_the_meaning() -> None:
    rules = parse(RULES)
    turned = yaml.safe_load(RULES)
    turned["zones"] = dict(reversed(turned["zones"].items()))
    turned["events"].reverse()
    turned["lines"]["door"]["of"] = "  person".strip()

    assert len(rules.digest) == 64
    assert WatchRules.parse(turned, TREE).digest == rules.digest
    for old, new in (("[250, 120]", "[251, 120]"), (">= 5", "> 5"), ("in: right", "in: left"), ("0.4", "0.5")):
        assert parse(RULES.replace(old, new)).digest != rules.digest


def test_the_digest_of_these_rules_is_that_of_earlier_versions() -> None:
    assert parse(event("{name: a, when: person on road, for: 1 s}")).digest == DIGEST


DIGEST = "bb52864a85c3f29ee202fd86ef25be080e010d72672e3450ce83dc68095bdd4b"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "rules.yaml is empty; write zones, lines or events"),
        ("picture: [640, 360]", "has no zone, no line and no event"),
        ("[1, 2]", "is a list of 2, not a mapping; its keys are picture, zones, lines, events, ignore"),
        ("zone: {}", "has the key 'zone', which is unknown; did you mean 'zones'?"),
        ("yes: {}", "has the key true, which is unknown; its keys are picture"),
        ("zones: {shop: {polygon: [[0, 0], [9, 0], [9, 9]]}}", "lacks the key 'picture'"),
        ("lines: {door: {from: [0, 0], to: [9, 9], in: left}}", "lacks the key 'picture'"),
        ("picture: [640]\nevents: []", "'picture' must be [width, height] in pixels, got [640]"),
        ("picture: 640x360", "'picture' must be [width, height] in pixels, got '640x360'"),
        ("picture: [0, 360]", "sides are 1 to 65536 pixels long"),
        ("zones: [shop]", "'zones' is a list of 1, not a mapping of names"),
        ("zones: {1: {stuff: road}}", "has the name 1, which is not text; quote it"),
        ("zones: {off: {stuff: road}}", "has the name false, which is not text; quote it"),
        ("zones: {a/b: {stuff: road}}", "has the name 'a/b'; a name has 1 to 60 letters"),
        ("zones: {out of shop: {stuff: road}}", "write '_' around 'of', 'in' and 'on'"),
        ("zones: {shop: 7}", "zone 'shop' is 7, not a mapping; its keys are polygon, stuff, point, of"),
        (zone("{polygn: []}"), "zone 'shop' has the key 'polygn', which is unknown; did you mean 'polygon'?"),
        (zone("{of: person}"), "has neither 'polygon' nor 'stuff'"),
        (zone("{polygon: [], stuff: road}"), "has both 'polygon' and 'stuff'"),
        (zone("{stuff: road, point: foot}"), "on which objects stand with their foot; remove 'point'"),
        (zone("{stuff: raod}"), "the class 'raod', which the model does not have; did you mean 'road'?"),
        (zone("{stuff: person}"), "names the ground 'person', which is a thing"),
        (zone("{stuff: road, of: floor}"), "counts 'floor', which is stuff and has no objects"),
        (zone("{polygon: shop}"), "'polygon' is 'shop', not a list of corners"),
        (zone("{polygon: [[0, 0], [9, 9]]}"), "has 2 different corners; a polygon has at least 3"),
        (zone("{polygon: [[0, 0], [9, 9], [9, 9], [0, 0]]}"), "has 2 different corners"),
        (zone("{polygon: [[0, 0], [90, 90], [40, 40]]}"), "has no area"),
        (zone("{polygon: [[0, 0], [90, 90], [90, 0], [0, 90]]}"), "crosses itself; list its corners in order"),
        (zone("{polygon: [[700, 0], [790, 0], [790, 90]]}"), "lies outside the picture of 640x360"),
        (zone("{polygon: [[0, 0], [90, 90], 7]}"), "corner 3 is 7, not [x, y] in pixels"),
        (zone("{polygon: [[0, 0], [90, .nan], [7, 7]]}"), "corner 2 is [90, NaN]; coordinates are pixels"),
        (zone("{polygon: [[0, 0], [90, true], [7, 7]]}"), "corner 2 is [90, true], not [x, y]"),
        (zone("{polygon: [[0, 0], [90, 0], [9, 9]], point: feet}"), "the point 'feet'; did you mean 'foot'?"),
        (zone("{polygon: [[0, 0], [90, 0], [9, 9]], point: overlap}"), "needs a share of the object's mask"),
        (zone("{polygon: [[0, 0], [90, 0], [9, 9]], point: overlap 40}"), "above 0 and up to 1"),
        (zone("{polygon: [[0, 0], [90, 0], [9, 9]], point: 7}"), "the point 7; points are foot, centre, overlap"),
        (line("{from: [0, 0], to: [9, 9]}"), "line 'door' lacks the key 'in'"),
        (line("{from: [0, 0], too: [9, 9], in: left}"), "the key 'too', which is unknown; did you mean 'to'?"),
        (line("{from: [0, 0], to: [90, 90], in: rihgt}"), "the side 'rihgt'; did you mean 'right'?"),
        (line("{from: [9, 9], to: [9, 10], in: left}"), "has no length: it goes from [9.0, 9.0] to [9.0, 10.0]"),
        (line("{from: [0, 400], to: [640, 400], in: left}"), "lies outside the picture of 640x360"),
        (line("{from: [700, 0], to: [700, 300], in: left}"), "lies outside the picture"),
        (line("{from: [9, 9], to: [90, 90], in: left, of: road}"), "counts 'road', which is stuff"),
        ("events: {name: a}", "'events' is a mapping of 1, not a list"),
        (event("jaywalk"), "event 1 is 'jaywalk', not a mapping"),
        (event("{name: a, wen: person on road}"), "the key 'wen', which is unknown; did you mean 'when'?"),
        (event("{name: a, for: 1 s}"), "event 1 lacks the key 'when'"),
        (
            event("{name: a, when: person on road, for: 1}"),
            "event 'a': 'for' has the time 1; write a number and a unit",
        ),
        (event("{name: a, when: person on road, unless: bag on road}"), "both are about the same object"),
        (event("{name: a, when: bag still > 60 s, for: 2 s}"), "in 'for'; remove 'for'"),
        (event("{name: a, when: person on road}") + "  - {name: a, when: bag on road}", "two events have the name 'a'"),
        (event("{name: a, when: person on road}") + "ignore: person", "'ignore' is 'person', not a mapping such as"),
        (
            event("{name: a, when: person on road}") + "ignore: {person: {attribute: cloths, values: [staff]}}",
            "the attribute 'cloths', which the model does not have; did you mean 'clothing'?",
        ),
        (
            event("{name: a, when: person on road}") + "ignore: {bag: {attribute: clothing, values: [staff]}}",
            "'person' has the attribute 'clothing', 'bag' does not",
        ),
        (
            event("{name: a, when: person on road}") + "ignore: {person: {attribute: clothing, values: [staf]}}",
            "'clothing' has no value 'staf'; did you mean 'staff'?",
        ),
        (
            event("{name: a, when: person on road}") + "ignore: {person: {attribute: clothing, values: []}}",
            "'person' has no values; write at least one of staff, guest",
        ),
    ],
)
def test_a_wrong_rule_says_what_is_right(text: str, words: str) -> None:
    found = message(text)

    assert found.startswith("rules.yaml")
    assert words in found


def test_a_name_of_several_classes_must_be_a_path() -> None:
    tree = ClassTree({"floor": {}, "a": {"children": ["door", "b"]}, "c": {"children": ["door", "d"]}})

    assert "several have that name; write a path: a/door, c/door" in message("zones: {shop: {stuff: door}}", tree)


def test_a_zone_partly_outside_is_cut_and_the_user_is_told() -> None:
    rules = parse(zone("{polygon: [[-100, 0], [100, 0], [100, 360], [-100, 360]]}"))

    assert rules.zones[0].polygon is not None
    assert rules.zones[0].polygon.min(axis=0).tolist() == [0, 0]
    assert rules.notes == (
        "rules.yaml: zone 'shop' reaches beyond the picture of 640x360 and is cut; 50 % of it is left.",
    )


def test_a_line_on_the_edge_is_told() -> None:
    (note,) = parse(line("{from: [100, 357], to: [300, 360], in: left}")).notes

    assert "line 'door' lies on the lower edge of the picture" in note


def test_polygons_may_be_closed_and_cannot_be_changed() -> None:
    polygon = parse(zone("{polygon: [[0, 0], [90, 0], [90, 90], [0, 0]]}")).zones[0].polygon

    assert polygon is not None
    assert len(polygon) == 3
    with pytest.raises(ValueError, match="read-only"):
        polygon[0] = 1


def test_a_model_without_objects_is_told_which_rules_still_work() -> None:
    kitchen = "zones: {walk: {stuff: road/crossing}, shop: {polygon: [[0, 0], [90, 0], [90, 90]]}}\n"
    text = "picture: [640, 360]\n" + kitchen + event("{name: a, when: person on road}")

    expected = (
        "rules.yaml: this model has no objects, so these rules cannot work: zone 'shop', events; "
        "zones of stuff alone do (walk); remove the others, or use a model with objects"
    )
    assert message(text, STUFF_ALONE) == expected
    assert message(text, objects=False) == expected
    assert parse("zones: {walk: {stuff: road/crossing}}", STUFF_ALONE).zones[0].stuff == STUFF_ALONE["crossing"].id


# -- files --------------------------------------------------------------------------------------------


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("\ufeff" + RULES, encoding="utf-8")

    rules = WatchRules.read(path, TREE)

    assert rules.digest == parse(RULES).digest
    assert rules.where == str(path)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 30)
)
MERGED = "a0: &a0 {k0: 1}\n" + "".join(f"a{k}: &a{k} {{<<: [*a{k - 1}, *a{k - 1}], k{k}: 1}}\n" for k in range(1, 40))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"zones: [", "is not valid YAML: while parsing"),
        (b"zones: {shop: {stuff: road}, shop: {stuff: floor}}", "'shop' occurs twice in one mapping (line 1)"),
        (b"\xff\xfe\x00", "cannot be read as text"),
        (b"zones: {? [a, b] : 1}", "line 1 has a list or a mapping as a key"),
        (b"when: 2020-13-40", "is not valid YAML"),
        (b"[" * 5000, "is not valid YAML"),
        (b"x: " + b"9" * 5000, "is not valid YAML"),
        (b"# " + b"x" * 200_000, "is larger than 128 KiB"),
        (BOMB.encode(), "has the key 'a0', which is unknown"),
        ((BOMB + "zones: *a29").encode(), "has the key 'a0', which is unknown"),
        (BOMB.replace("a29:", "zones:").encode(), "has the key 'a0', which is unknown"),
        (MERGED.encode(), "line 2 merges a mapping with '<<'"),
        (b"zones: &a {shop: *a}", "zone 'shop' has the key 'shop', which is unknown"),
        (b"!!python/object/apply:os.system ['true']", "is not valid YAML: could not determine a constructor"),
    ],
)
def test_a_wrong_file_is_refused_in_one_short_sentence(text: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(text)
    start = time.process_time()

    with pytest.raises(ConfigError) as error:
        WatchRules.read(path, TREE)

    assert words in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600 + len(str(path))
    assert time.process_time() - start < 5


def test_aliases_that_multiply_are_shown_by_their_length() -> None:
    bomb = yaml.safe_load(BOMB)["a29"]

    for text in (
        {"zones": bomb},
        {"picture": bomb, "zones": {"shop": {"stuff": "road"}}},
        {"picture": [640, 360], "zones": {"shop": {"polygon": bomb}}},
        {"picture": [640, 360], "zones": {"shop": {"polygon": [[0, 0], [9, 0], [9, 9]], "point": bomb}}},
        {"picture": [640, 360], "lines": {"door": {"from": bomb, "to": [9, 9], "in": bomb}}},
        {"picture": [640, 360], "lines": {"door": {"from": [0, 0], "to": [9, 9], "in": bomb}}},
        {"events": [{"name": bomb, "when": bomb}]},
        {"events": [{"name": "a", "when": bomb}]},
        {"zones": {"shop": {"stuff": bomb}}},
        {"zones": {"a": {"stuff": "road"}}, "ignore": {"person": {"attribute": bomb, "values": bomb}}},
        {"zones": {"a": {"stuff": "road"}}, "ignore": {"person": {"attribute": "clothing", "values": bomb}}},
    ):
        with pytest.raises(ConfigError) as error:
            WatchRules.parse(text, TREE)
        assert len(str(error.value)) < 400


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(ConfigError, match="cannot be read as text"):
            WatchRules.read(path, TREE)


@given(damaged(yaml.safe_load(RULES)))
def test_damaged_rules_are_read_or_refused_in_one_sentence(content: dict[str, Any]) -> None:
    try:
        rules: WatchRules | None = WatchRules.parse(content, TREE)
        text = ""
    except ConfigError as error:
        rules, text = None, str(error)

    assert len(text) < 1200
    assert rules is None or len(rules.digest) == 64


@given(plain)
def test_other_data_are_refused(content: Any) -> None:
    with pytest.raises(ConfigError):
        WatchRules.parse(content, TREE)


@given(st.lists(st.tuples(st.integers(-50, 700), st.integers(-50, 400)), min_size=3, max_size=8))
def test_corners_in_any_order_give_a_polygon_in_the_picture_or_a_sentence(corners: list[tuple[int, int]]) -> None:
    content = {"picture": [640, 360], "zones": {"a": {"polygon": [list(corner) for corner in corners]}}}
    try:
        polygon = WatchRules.parse(content, TREE).zones[0].polygon
    except ConfigError:
        return

    assert polygon is not None
    assert np.all(polygon >= 0)
    assert np.all(polygon <= (640, 360))
