"""The region that rules need."""

from __future__ import annotations

from typing import Any

import pytest

from smalta.classes import ClassTree
from smalta.video.needed_region import needed_region
from smalta.video.rules import WatchRules

TREE = ClassTree({"floor": {}, "road": {}, "person": {"kind": "thing"}})
SIZE_HW = (360, 640)
SQUARE = [[300, 100], [340, 100], [340, 140], [300, 140]]
DOOR = {"from": [250, 120], "to": [390, 150], "in": "right", "of": "person"}


def rules(**content: Any) -> WatchRules:
    return WatchRules.parse({"picture": [640, 360], **content}, TREE)


def test_zones_and_lines_are_held_with_a_margin_of_a_quarter_of_the_height() -> None:
    found = rules(zones={"till": {"polygon": SQUARE, "point": "foot", "of": "person"}}, lines={"door": DOOR})

    box, why = needed_region(found, SIZE_HW)

    # x 250 to 390, y 100 to 150, and 90 px around them; above, the picture ends
    assert box == (160, 10, 480, 240)
    assert why == (
        "all zones and lines with a margin of 90 px around them fill 32 % of the picture, and no rule needs the rest"
    )


def test_the_region_ends_where_the_picture_ends() -> None:
    corner = {"from": [10, 10], "to": [40, 10], "in": "right", "of": "person"}

    assert needed_region(rules(lines={"door": corner}), SIZE_HW)[0] == (0, 0, 130, 100)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            {"events": [{"name": "jaywalk", "when": "person on road", "for": "1 s"}]},
            "the event jaywalk needs the whole picture",
        ),
        ({"zones": {"street": {"stuff": "road"}}}, "the zone street, which is the stuff of a class, needs the whole"),
        ({"lines": {"door": DOOR | {"from": [10, 10], "to": [630, 350]}}}, "so the rest is seen too"),
    ],
)
def test_the_whole_picture_is_needed(content: dict[str, Any], why: str) -> None:
    box, because = needed_region(rules(**content), SIZE_HW)

    assert box is None
    assert why in because


def test_events_in_zones_need_no_more_than_the_zones() -> None:
    zones = {"till": {"polygon": SQUARE, "point": "foot", "of": "person"}}
    events = [
        {"name": "queue", "when": "count in till of person >= 5", "for": "20 s"},
        {"name": "loiter", "when": "person stays in till > 60 s"},
    ]

    assert needed_region(rules(zones=zones, events=events), SIZE_HW)[0] is not None


def test_without_rules_all_is_seen() -> None:
    assert needed_region(None, SIZE_HW)[0] is None
