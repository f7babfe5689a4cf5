"""Splits: shares, groups that stay whole, and independence of the order of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalta.data.sample import Entry
from smalta.data.splits import (
    SPLITS,
    UNSPLIT,
    make_splits,
    read_groups,
    split_by_group,
    split_by_picture,
    split_name,
    with_groups,
)
from smalta.errors import DataError


def entries(*names: str) -> tuple[Entry, ...]:
    return tuple(Entry(name=name, picture=Path(f"{name}.png")) for name in names)


def numbered(count: int) -> tuple[Entry, ...]:
    return entries(*(f"p{i:03}" for i in range(count)))


def count_by_split(side: dict[str, str]) -> list[int]:
    return [list(side.values()).count(name) for name in SPLITS]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("train2017", "train"),
        ("valid", "val"),
        ("val_2", "val"),
        ("testing", "test"),
        ("trainval", None),
        ("images", None),
    ],
)
def test_usual_words_for_splits_are_known(name: str, split: str | None) -> None:
    assert split_name(name) == split


# -- by picture ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "shares"),
    [(1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1]), (4, [2, 1, 1]), (20, [14, 3, 3]), (100, [70, 15, 15])],
)
def test_shares_are_70_15_15_and_small_sets_still_get_every_split(count: int, shares: list[int]) -> None:
    assert count_by_split(split_by_picture([str(i) for i in range(count)], seed=0)) == shares


@given(names=st.sets(st.text(max_size=8), min_size=1, max_size=40), seed=st.integers(0, 5), data=st.data())
def test_a_split_by_picture_ignores_the_order_of_files(names: set[str], seed: int, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(sorted(names)))

    assert split_by_picture(shuffled, seed=seed) == split_by_picture(sorted(names), seed=seed)


def test_another_seed_deals_another_split() -> None:
    names = [str(i) for i in range(100)]

    assert split_by_picture(names, seed=0) != split_by_picture(names, seed=1)


def test_a_picture_added_later_moves_few_others() -> None:
    names = [f"p{i}" for i in range(200)]

    before, after = split_by_picture(names, seed=0), split_by_picture([*names, "new"], seed=0)

    assert sum(before[name] != after[name] for name in names) <= 2


# -- by group -----------------------------------------------------------------------------------------

GROUPS = st.dictionaries(st.text(max_size=6), st.sampled_from("abcdefghij"), min_size=1, max_size=60)


@given(groups=GROUPS, seed=st.integers(0, 3), data=st.data())
@settings(max_examples=40, deadline=None)
def test_groups_stay_whole_every_split_gets_one_and_order_does_not_matter(
    groups: dict[str, str], seed: int, data: st.DataObject
) -> None:
    classes = {name: data.draw(st.sets(st.integers(0, 3))) for name in groups}
    shuffled = data.draw(st.permutations(list(groups)))

    side = split_by_group(groups, seed=seed, classes=classes)

    splits_of: dict[str, set[str]] = {}
    for name, group in groups.items():
        splits_of.setdefault(group, set()).add(side[name])
    assert all(len(splits) == 1 for splits in splits_of.values())
    assert set(side.values()) == set(SPLITS[: len(splits_of)])
    assert side == split_by_group({name: groups[name] for name in shuffled}, seed=seed, classes=classes)


def test_equal_groups_are_dealt_70_15_15() -> None:
    groups = {f"p{i}": f"g{i // 5}" for i in range(100)}  # 20 groups of five

    assert count_by_split(split_by_group(groups, seed=0)) == [70, 15, 15]


def test_one_large_group_goes_to_train() -> None:
    groups = {f"p{i}": "large" for i in range(70)} | {f"q{i}": f"g{i}" for i in range(30)}

    side = split_by_group(groups, seed=3)

    assert {side[f"p{i}"] for i in range(70)} == {"train"}
    assert count_by_split(side) == [70, 15, 15]


def test_classes_come_near_their_shares_too() -> None:
    # 40 groups of two pictures; every fourth group holds the rare class
    groups = {f"p{i}": f"g{i // 2}" for i in range(80)}
    classes = {name: {0, 1} if int(group[1:]) % 4 == 0 else {0} for name, group in groups.items()}

    for seed in range(5):
        side = split_by_group(groups, seed=seed, classes=classes)

        rare = count_by_split({name: side[name] for name in groups if 1 in classes[name]})
        assert count_by_split(side) == [56, 12, 12]
        assert rare[0] in (14, 16)  # of 20: 14, 3, 3 is best, but groups are pairs
        assert min(rare) >= 2


def test_groups_are_exchanged_so_that_every_split_gets_every_class() -> None:
    # five classes of four groups each, of 4 pictures or of 6: dealt from the largest on alone, a class misses a split
    sizes = [4, 6] * 10
    groups = {f"{g}_{i}": f"g{g}" for g, size in enumerate(sizes) for i in range(size)}
    classes = {name: {int(group[1:]) % 5} for name, group in groups.items()}

    for seed in range(4):
        side = split_by_group(groups, seed=seed, classes=classes)

        for kind in range(5):
            assert min(count_by_split({name: side[name] for name in groups if kind in classes[name]})) == 4


# -- groups.txt ---------------------------------------------------------------------------------------


def test_groups_are_named_by_stem_or_file_with_tab_or_space(tmp_path: Path) -> None:
    (tmp_path / "groups.txt").write_text("a\tfirst shot\nb.png one\nsub/c d.JPG\ttwo\nx.y one\n\n")

    groups, notes = read_groups(tmp_path / "groups.txt", entries("a", "b", "c d", "x.y", "alone"))

    assert groups["b"] == groups["x.y"]
    assert len(set(groups.values())) == 4
    assert notes == ["1 pictures are not in groups.txt, such as alone; each is a group of its own"]


def test_a_lone_picture_does_not_join_a_group_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "groups.txt").write_text("a\tb\n")

    groups, _ = read_groups(tmp_path / "groups.txt", entries("a", "b"))

    assert groups["a"] != groups["b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("a\n", "line 1"), ("a x\na y\n", "line 2: 'a' is in two groups"), ("z 1\n", "names none of the pictures")],
)
def test_a_wrong_groups_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "groups.txt").write_text(text)

    with pytest.raises(DataError, match=message):
        read_groups(tmp_path / "groups.txt", entries("a", "b"))


# -- completing splits --------------------------------------------------------------------------------


def test_pictures_without_splits_are_dealt_and_a_note_says_how() -> None:
    splits, notes, dealt = make_splits({UNSPLIT: numbered(20)}, seed=7)

    assert dealt
    assert {name: len(members) for name, members in splits.items()} == {"train": 14, "val": 3, "test": 3}
    assert list(splits) == ["train", "val", "test"]
    assert notes == ["no splits: 20 pictures dealt at random with seed 7: 14 train, 3 val, 3 test"]


def test_train_alone_is_dealt_in_three() -> None:
    splits, notes, dealt = make_splits({"train": numbered(20)}, seed=0)

    assert dealt
    assert [len(splits[name]) for name in SPLITS] == [14, 3, 3]
    assert notes[0].startswith("no val or test split: 20 train pictures dealt at random")


def test_val_is_taken_from_train_where_only_test_is_there() -> None:
    kept = entries("t1", "t2")

    splits, notes, dealt = make_splits({"train": numbered(20), "test": kept}, seed=0)

    assert dealt
    assert [len(splits[name]) for name in SPLITS] == [17, 3, 2]
    assert splits["test"] == kept
    assert notes[0].startswith("no val split: 20 train pictures dealt at random")


def test_train_and_val_stay_as_they_are() -> None:
    found = {"val": entries("v"), "train": numbered(20)}

    splits, notes, dealt = make_splits(found, seed=0)

    assert not dealt
    assert splits == {"train": numbered(20), "val": entries("v")}
    assert list(splits) == ["train", "val"]
    assert notes == ["no test split: the data set has train, val only"]


def test_all_three_need_no_note() -> None:
    splits, notes, dealt = make_splits({name: entries(name) for name in SPLITS}, seed=0)

    assert not dealt
    assert list(splits) == list(SPLITS)
    assert notes == []


def test_a_groups_file_keeps_look_alikes_on_one_side(tmp_path: Path) -> None:
    pictures = numbered(40)
    (tmp_path / "groups.txt").write_text("".join(f"{e.name}\t{i // 4}\n" for i, e in enumerate(pictures)))

    splits, notes, dealt = make_splits({UNSPLIT: pictures}, seed=0, groups_file=tmp_path / "groups.txt")

    side = {entry.name: name for name, members in splits.items() for entry in members}
    assert dealt
    assert all(len({side[e.name] for e in pictures[i : i + 4]}) == 1 for i in range(0, 40, 4))
    assert "by the groups in groups.txt" in notes[0]


def test_pictures_of_one_group_are_dealt_one_by_one_and_a_note_says_that_scores_will_be_too_good(
    tmp_path: Path,
) -> None:
    pictures = numbered(20)
    (tmp_path / "groups.txt").write_text("".join(f"{e.name}.png\tshop\n" for e in pictures))

    splits, notes, _ = make_splits({UNSPLIT: pictures}, seed=0, groups_file=tmp_path / "groups.txt")

    assert [len(splits[name]) for name in SPLITS] == [14, 3, 3]
    assert notes[0].startswith("no splits: 20 pictures dealt at random with seed 0")
    assert notes[1].startswith("all pictures are of one group in groups.txt, so they are dealt one by one")


def test_a_lone_picture_needs_no_note_about_its_group(tmp_path: Path) -> None:
    (tmp_path / "groups.txt").write_text("a\tshop\n")

    splits, notes, _ = make_splits({UNSPLIT: entries("a")}, seed=0, groups_file=tmp_path / "groups.txt")

    assert [len(splits["train"]), len(notes)] == [1, 1]


def test_pictures_are_added_to_a_groups_file_and_what_it_says_already_stays(tmp_path: Path) -> None:
    content = with_groups("a.png\tfirst shot\n\nb one", {"b": "two", "t0.480": "two", "c d": "two"})

    assert content == "a.png\tfirst shot\nb one\nt0.480.png\ttwo\nc d.png\ttwo\n"
    (tmp_path / "groups.txt").write_text(content)
    groups, _ = read_groups(tmp_path / "groups.txt", entries("a", "b", "t0.480", "c d"))
    assert groups == {"a": "group first shot", "b": "group one", "t0.480": "group two", "c d": "group two"}


# -- kinds.txt ----------------------------------------------------------------------------------------


def kinds_set(folder: Path, *counts: int) -> tuple[Path, dict[str, str]]:
    """A kinds.txt with so many pictures of each kind, and the kind of each picture."""
    kinds = [f"kind {letter}" for letter, count in zip("abcdefgh", counts, strict=False) for _ in range(count)]
    of = {entry.name: kind for entry, kind in zip(numbered(len(kinds)), kinds, strict=True)}
    (folder / "kinds.txt").write_text("".join(f"{name}\t{kind}\n" for name, kind in of.items()))
    return folder / "kinds.txt", of


@pytest.mark.parametrize("seed", range(4))
def test_every_split_gets_its_share_of_every_kind(tmp_path: Path, seed: int) -> None:
    path, kind_of = kinds_set(tmp_path, 80, 20)

    splits, notes, _ = make_splits({UNSPLIT: numbered(100)}, seed=seed, kinds_file=path)

    rare = [sum(kind_of[entry.name] == "kind b" for entry in splits[name]) for name in SPLITS]
    assert rare == [14, 3, 3]
    assert [len(splits[name]) for name in SPLITS] == [56 + 14, 12 + 3, 12 + 3]
    assert "dealt at random, by the kinds in kinds.txt, with seed" in notes[0]


def test_kinds_too_rare_for_a_picture_in_each_split_are_dealt_together(tmp_path: Path) -> None:
    path, kind_of = kinds_set(tmp_path, 60, 6, 6, 4, 4)

    splits, _, _ = make_splits({UNSPLIT: numbered(80)}, seed=0, kinds_file=path)

    rare = [sum(kind_of[entry.name] != "kind a" for entry in splits[name]) for name in SPLITS]
    assert rare == [14, 3, 3]


def test_kinds_count_beside_groups_which_stay_whole(tmp_path: Path) -> None:
    path, kind_of = kinds_set(tmp_path, 60, 20)
    pictures = numbered(80)
    (tmp_path / "groups.txt").write_text("".join(f"{e.name}\t{i // 2}\n" for i, e in enumerate(pictures)))

    for seed in range(4):
        splits, _, _ = make_splits({UNSPLIT: pictures}, seed=seed, groups_file=tmp_path / "groups.txt", kinds_file=path)

        side = {entry.name: name for name, members in splits.items() for entry in members}
        assert all(side[a.name] == side[b.name] for a, b in zip(pictures[::2], pictures[1::2], strict=True))
        rare = [sum(kind_of[entry.name] == "kind b" for entry in splits[name]) for name in SPLITS]
        assert rare[0] in (14, 16)
        assert min(rare) >= 2


def test_pictures_that_no_line_names_are_one_kind_more_and_a_note_says_so(tmp_path: Path) -> None:
    path, _ = kinds_set(tmp_path, 80)

    splits, notes, _ = make_splits({UNSPLIT: numbered(100)}, seed=0, kinds_file=path)

    unnamed = [sum(entry.name >= "p080" for entry in splits[name]) for name in SPLITS]
    assert unnamed == [14, 3, 3]
    assert notes[1] == "20 pictures are not in kinds.txt, such as p080; they count as one more kind"


def test_a_wrong_kinds_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kinds.txt").write_text("p001\n")

    with pytest.raises(DataError, match=r"kinds\.txt, line 1: .* and a kind"):
        make_splits({UNSPLIT: numbered(3)}, seed=0, kinds_file=tmp_path / "kinds.txt")
