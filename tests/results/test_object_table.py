from __future__ import annotations

from pathlib import Path

from written_results import PIXELS, answer, made, table, written


def test_a_line_of_the_table_says_what_and_where_an_object_is(tmp_path: Path) -> None:
    written(tmp_path, "instance", answer())

    assert (tmp_path / "objects.csv").read_text().splitlines() == [
        "picture,id,class,level_1,level_2,score,area_px,x0,y0,x1,y1,centroid_y,centroid_x,body,attribute_score",
        "a.jpg,1,car/audi,car,car/audi,0.9000,4,0,0,2,2,0.50,0.50,van,high",
        "a.jpg,2,car/honda,car,car/honda,0.8500,4,3,0,5,2,0.50,3.50,bus,low",
        "a.jpg,3,person,person,person,0.1235,1,0,3,1,4,3.00,0.00,,",
    ]


def test_an_unsure_object_stands_in_the_table_at_the_class_that_is_sure(tmp_path: Path) -> None:
    sure = answer(min_confidence=0.7)

    written(tmp_path, "instance", sure)

    rows = table(tmp_path)
    assert [(row["class"], row["level_1"], row["level_2"]) for row in rows] == [
        ("car/audi", "car", "car/audi"),
        ("car", "car", ""),
        ("person", "person", "person"),
    ]


def test_names_with_commas_and_quotes_come_back_from_the_table(tmp_path: Path) -> None:
    place = made(tmp_path, "instance")
    name = 'a, "b"\n.png'

    place.write_joined([place.write(Path(name), PIXELS, answer())])

    assert [row["picture"] for row in table(tmp_path)] == [name] * 3


def test_without_objects_the_table_has_its_header_and_other_kinds_have_no_table(tmp_path: Path) -> None:
    for kind in ("binary", "semantic", "instance", "panoptic"):
        made(tmp_path / kind, kind).write_joined([])

    for kind in ("instance", "panoptic"):
        assert (tmp_path / kind / "objects.csv").read_text().startswith("picture,id,class,")
        assert (tmp_path / kind / "objects.csv").read_text().count("\n") == 1
    assert {p.name for p in (tmp_path / "semantic").iterdir()} == {"classes", "classes.json", "presence.csv"}
    assert {p.name for p in (tmp_path / "binary").iterdir()} == {"classes", "classes.json", "presence.csv"}
