from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from smalta.classes import ROOT, ClassTree
from smalta.errors import ClassTreeError
from trees import trees

# ids in pre-order:   1 sky   2 vehicle   3 car   4 audi   5 honda   6 lorry   7 person


def from_yaml(folder: Path, text: str) -> ClassTree:
    path = folder / "classes.yaml"
    path.write_text(text, encoding="utf-8")
    return ClassTree.from_file(path)


def from_lines(folder: Path, text: str) -> ClassTree:
    path = folder / "classes.txt"
    path.write_text(text, encoding="utf-8")
    return ClassTree.from_file(path)


def paths(tree: ClassTree) -> list[str]:
    return [node.path for node in tree]


# -- structure ----------------------------------------------------------------------------------------


def test_nodes_are_numbered_in_pre_order_from_one(street: ClassTree) -> None:
    assert paths(street) == [
        "sky",
        "vehicle",
        "vehicle/car",
        "vehicle/car/audi",
        "vehicle/car/honda",
        "vehicle/lorry",
        "person",
    ]
    assert [node.id for node in street] == [1, 2, 3, 4, 5, 6, 7]
    assert [node.depth for node in street] == [1, 1, 2, 3, 3, 2, 1]
    assert (street.leaves, street.inner) == ((1, 4, 5, 6, 7), (2, 3))
    assert (len(street), street.n_leaves, street.n_levels) == (7, 5, 3)


def test_parents_children_ancestors_and_descendants(street: ClassTree) -> None:
    assert street.parent.tolist() == [0, 0, 0, 2, 3, 3, 2, 0]
    assert street.children(ROOT) == (1, 2, 7)
    assert street.children(2) == (3, 6)
    assert street.ancestors(5) == (3, 2)
    assert street.ancestors(1) == ()
    assert street.descendants(2) == (3, 4, 5, 6)
    assert street.descendants(7) == ()
    assert street.descendants(ROOT) == (1, 2, 3, 4, 5, 6, 7)


def test_a_level_is_a_cut_in_which_a_leaf_that_ends_higher_stays_itself(street: ClassTree) -> None:
    assert [street.level(k) for k in (1, 2, 3)] == [(1, 2, 7), (1, 3, 6, 7), (1, 4, 5, 6, 7)]
    #                                          root sky veh car audi honda lorry person
    assert street.level_table(1).tolist() == [0, 1, 2, 2, 2, 2, 2, 7]
    assert street.level_table(2).tolist() == [0, 1, 0, 3, 3, 3, 6, 7]
    assert street.level_table(3).tolist() == [0, 1, 0, 0, 4, 5, 6, 7]


@pytest.mark.parametrize("k", [0, 4, -1])
def test_a_level_that_the_tree_lacks_is_refused(street: ClassTree, k: int) -> None:
    with pytest.raises(ClassTreeError, match=rf"level must be in 1..3 for this tree, got {k}"):
        street.level(k)


def test_the_leaf_matrix_marks_the_leaves_under_each_node(street: ClassTree) -> None:
    #        sky audi honda lorry person
    expected = [
        [1, 1, 1, 1, 1],  # root
        [1, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],  # vehicle
        [0, 1, 1, 0, 0],  # car
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]

    assert street.leaf_matrix.astype(int).tolist() == expected


def test_the_distance_of_two_nodes_counts_the_edges_between_them(street: ClassTree) -> None:
    assert street.distance[4, 5] == 2  # audi - car - honda
    assert street.distance[4, 6] == 3  # audi - car - vehicle - lorry
    assert street.distance[4, 7] == 4  # up three edges to the root, down one
    assert street.distance[4, 3] == 1
    assert street.distance[0, 4] == 3
    assert np.array_equal(street.distance, street.distance.T)
    assert not street.distance.diagonal().any()


def test_a_thing_hands_its_kind_down(street: ClassTree) -> None:
    assert street.is_thing.tolist() == [False, False, True, True, True, True, True, True]


def test_nodes_are_found_by_id_path_and_unique_name(street: ClassTree) -> None:
    assert street[4].path == street["audi"].path == street["vehicle/car/audi"].path == "vehicle/car/audi"
    assert street.name(4) == "vehicle/car/audi"
    assert street.name(ROOT) == "unlabelled"


def test_a_name_that_two_nodes_bear_must_be_written_as_a_path() -> None:
    tree = ClassTree({"car": {"children": ["door", "roof"]}, "house": {"children": ["door", "wall"]}})

    with pytest.raises(ClassTreeError, match="'door' is not unique; write one of the paths car/door, house/door"):
        tree["door"]
    assert tree["house/door"].id == 5


@pytest.mark.parametrize("key", ["lory", 0, 8])
def test_an_unknown_node_is_refused_with_those_there_are(street: ClassTree, key: int | str) -> None:
    with pytest.raises(
        ClassTreeError, match=r"there is no (class 'lory'; classes are sky,|node [08]; node ids are 1..7)"
    ):
        street[key]


def test_a_flat_list_is_a_tree_of_depth_one() -> None:
    flat = ClassTree(["background", "crack"])

    assert (flat.n_levels, flat.leaves, flat.inner) == (1, (1, 2), ())
    assert flat == ClassTree({"background": {}, "crack": None})


def test_the_order_of_the_classes_makes_another_tree() -> None:
    assert ClassTree(["a", "b"]) != ClassTree(["b", "a"])
    assert ClassTree(["a", "b"]) != ClassTree(["a", "b"], ignore=[255])
    assert ClassTree({"a": {"ids": [1]}, "b": {"ids": [0]}}) != ClassTree(["a", "b"])
    assert ClassTree({"l": {"mirror": "r"}, "r": {}}) != ClassTree(["l", "r"])
    assert ClassTree(["a", "b"]) == ClassTree({"a": {"ids": [0]}, "b": {"ids": [1]}})
    assert hash(ClassTree(["a", "b"])) == hash(ClassTree({"a": {"ids": [0]}, "b": {"ids": [1]}}))


def test_siblings_may_share_their_fields() -> None:
    shared = {"kind": "thing"}

    tree = ClassTree({"car": shared, "person": shared, "sky": {}})

    assert tree.is_thing.tolist() == [False, True, True, False]


# -- label values -------------------------------------------------------------------------------------


def test_label_values_are_the_order_of_appearance_unless_stated(street: ClassTree) -> None:
    assert [node.ids for node in street] == [(0,), (1,), (2,), (3,), (4,), (5,), (6,)]


def test_once_a_value_is_stated_no_other_class_gets_one_by_itself() -> None:
    tree = ClassTree({"ground": {}, "scratch": {"ids": [3, 7]}, "dent": {"ids": 5}})

    assert [node.ids for node in tree] == [(), (3, 7), (5,)]


def test_label_values_become_node_ids_and_ignored_ones_the_root() -> None:
    tree = ClassTree({"ground": {"ids": [0]}, "hole": {"ids": [3, 7]}}, ignore=[255, 254])

    assert tree.nodes_of(np.array([[0, 3], [7, 255]], np.uint8)).tolist() == [[1, 2], [2, 0]]
    assert tree.nodes_of(np.array([[254, 3]], np.int64)).dtype == np.uint16


def test_label_values_beyond_16_bits_are_looked_up_without_a_table() -> None:
    tree = ClassTree({"ground": {"ids": [0]}, "hole": {"ids": [4_294_967_295, 70_000]}}, ignore=[65_536])

    tracemalloc.start()
    found = tree.nodes_of(np.array([[0, 70_000, 65_536, 4_294_967_295]], np.int64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found.tolist() == [[1, 2, 0, 2]]
    assert peak < 2**20  # a table would take 8 GiB


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_a_value_that_stands_for_no_class_is_refused_with_those_known(dtype: type) -> None:
    tree = ClassTree({"ground": {"ids": [0]}, "hole": {"ids": [3]}}, ignore=[255])

    with pytest.raises(ClassTreeError, match=r"label values \[2, 9\] stand for no class; the tree knows \[0, 3, 255\]"):
        tree.nodes_of(np.array([[0, 9], [2, 3]], dtype))


def test_written_values_are_the_users_own_and_others_are_free_ones() -> None:
    tree = ClassTree(
        {"sky": {"ids": [1]}, "vehicle": {"children": {"car": {"ids": [0, 9]}, "lorry": {"ids": [4]}}}}, ignore=[7, 200]
    )

    #                                     root sky vehicle car lorry; 0 and 1 are taken, so the vehicle gets 2
    assert tree.node_to_value.tolist() == [7, 1, 2, 0, 4]


def test_written_unlabelled_pixels_are_255_where_that_is_free() -> None:
    assert ClassTree(["a", "b"]).node_to_value.tolist() == [255, 0, 1]
    assert ClassTree({"a": {"ids": [255]}, "b": {"ids": [0]}}).node_to_value.tolist() == [1, 255, 0]
    many = ClassTree({"all": {"children": {f"c{k}": {"ids": [k]} for k in range(255)}}})
    assert many.node_to_value[:2].tolist() == [255, 256]  # 255 is kept for unlabelled pixels


@pytest.mark.parametrize("ignore", [[-1], [2**32], [1.5], ["void"]])
def test_values_to_ignore_must_be_label_values(ignore: list[Any], tmp_path: Path) -> None:
    with pytest.raises(ClassTreeError, match="'ignore' must"):
        ClassTree(["a", "b"], ignore)
    with pytest.raises(ClassTreeError, match=r"classes\.yaml: 'ignore' must be a list of whole numbers"):
        from_yaml(tmp_path, f"classes: [a, b]\nignore: {ignore}")


# -- mirrored pictures --------------------------------------------------------------------------------


def test_without_mirror_every_class_stays_itself(street: ClassTree) -> None:
    assert street.mirror.tolist() == list(range(8))


def test_mirrored_classes_swap_with_all_their_children() -> None:
    #   1 left  2 left/door  3 left/light  4 right  5 right/light  6 right/door  7 roof
    tree = ClassTree(
        {
            "left": {"mirror": "right", "children": ["door", "light"]},
            "right": {"children": ["light", "door"]},
            "roof": {},
        }
    )

    assert tree.mirror.tolist() == [0, 4, 6, 5, 1, 3, 2, 7]
    assert not tree.mirror.flags.writeable


def test_mirror_may_be_stated_on_both_sides_and_names_a_sibling_first() -> None:
    #   1 left  2 hand  3 hand/left  4 hand/right  5 right
    tree = ClassTree(
        {"left": {}, "hand": {"children": {"left": {"mirror": "right"}, "right": {"mirror": "left"}}}, "right": {}}
    )

    assert tree.mirror.tolist() == [0, 1, 2, 4, 3, 5]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"left": {"mirror": "rihgt"}, "right": {}}, "there is no class 'rihgt'"),
        (
            {"left": {"mirror": "right", "children": ["a", "b"]}, "right": {"children": ["a", "b", "c"]}},
            "only one of them has 'c'",
        ),
        (
            {"left": {"mirror": "right", "children": ["a", "b", "c"]}, "right": {"children": ["a", "b"]}},
            "only one of them has 'c'",
        ),
        ({"a": {"mirror": "c"}, "b": {"mirror": "c"}, "c": {}}, "class 'c' mirrors 'a' and 'b'; give it one"),
        ({"car": {"children": {"left": {"mirror": "car"}, "right": {}}}}, "one lies below the other"),
        ({"car": {"mirror": "left", "children": {"left": {}, "right": {}}}}, "one lies below the other"),
    ],
)
def test_a_mirror_that_is_no_mirror_is_refused(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClassTreeError, match=sentence):
        ClassTree(spec)


# -- attributes ---------------------------------------------------------------------------------------


def test_attributes_get_consecutive_channels() -> None:
    tree = ClassTree(
        {
            "sky": {"attributes": {"weather": ["clear", "grey", "dark"]}},
            "car": {"attributes": {"body": ["passenger", "lorry"], "doors": [3, 5]}},
        }
    )

    assert [(a.name, a.node, a.values, a.start, a.stop) for a in tree.attributes] == [
        ("weather", 1, ("clear", "grey", "dark"), 0, 3),
        ("body", 2, ("passenger", "lorry"), 3, 5),
        ("doors", 2, ("3", "5"), 5, 7),
    ]


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"body": ["lorry"]}, r"attribute 'body' of class 'car' has values \['lorry'\]; it needs two different ones"),
        ({"body": []}, "it needs two different ones"),
        ({"body": ["lorry", "lorry", "bus"]}, "it needs two different ones"),
        ({"lit": [True, False]}, "quote words such as 'yes' and 'off'"),
        ({"body": "lorry"}, "must be a list of names, got 'lorry'"),
        ({"body": [1.5, 2.5]}, "must be a list of names"),
        (["body"], "attributes of class 'car' must be a mapping"),
        ({"make": list(range(256))}, r"attribute 'make' of class 'car' has 256 values, and 255 are the most"),
    ],
)
def test_a_question_without_a_choice_is_refused(attributes: Any, sentence: str) -> None:
    with pytest.raises(ClassTreeError, match=sentence):
        ClassTree({"sky": {}, "car": {"attributes": attributes}})


def test_an_attribute_name_stands_at_one_node_only() -> None:
    side = {"side": ["left", "right"]}

    with pytest.raises(ClassTreeError, match="attribute 'side' stands at 'door' and at 'light'"):
        ClassTree({"door": {"attributes": side}, "light": {"attributes": side}})


# -- files --------------------------------------------------------------------------------------------

FULL = """
classes:
  background: {color: "#102030", ids: [0]}
  car:
    kind: thing
    children:
      left: {mirror: right, ids: [3, 7]}
      right: {ids: 4}
    attributes: {body: [passenger, lorry]}
  path: {}
ignore: [255, 9]
"""


def test_a_file_says_kinds_colours_values_mirrors_attributes_and_what_to_ignore(tmp_path: Path) -> None:
    tree = from_yaml(tmp_path, FULL)

    assert paths(tree) == ["background", "car", "car/left", "car/right", "path"]
    assert tree.is_thing.tolist() == [False, False, True, True, True, False]
    assert tree.colors[1].tolist() == [16, 32, 48]
    assert [node.ids for node in tree] == [(0,), (), (3, 7), (4,), ()]
    assert tree.mirror.tolist() == [0, 1, 2, 4, 3, 5]
    assert [a.name for a in tree.attributes] == ["body"]
    assert tree.ignore == (9, 255)


def test_a_written_file_reads_back_as_an_equal_tree(tmp_path: Path) -> None:
    tree = from_yaml(tmp_path, FULL)

    again = from_yaml(tmp_path, tree.to_yaml())

    assert again == tree
    assert again.nodes == tree.nodes
    assert again.to_yaml() == tree.to_yaml()


@pytest.mark.parametrize(
    "text", ["classes: {a: {ids: []}, b: {}}", "classes: [a, b, c]", "classes: {a: , b: {ids: 0}}"]
)
def test_stated_and_default_values_survive_the_file(text: str, tmp_path: Path) -> None:
    tree = from_yaml(tmp_path, text)

    assert from_yaml(tmp_path, tree.to_yaml()).nodes == tree.nodes


@given(tree=trees())
def test_every_tree_survives_its_plain_form(tree: ClassTree) -> None:
    again = ClassTree.from_dict(tree.to_dict())

    assert again == tree
    assert again.nodes == tree.nodes
    assert hash(again) == hash(tree)


def test_yaml_may_share_fields_by_a_merge_key(tmp_path: Path) -> None:
    tree = from_yaml(tmp_path, "classes:\n  car: &t {kind: thing}\n  dog: {<<: *t, ids: [4]}\n  sky: {}")

    assert tree.is_thing.tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("classes: {a: {children: {x: &x {kind: thing}, z: {}}}, b: {children: {x: *x}}}", "'b/x' has two parents"),
        ("classes: {a: {children: {x: &x {}, z: {}}}, b: {children: {x: *x}}}", r"two parents \(also 'a/x'\)"),
        ("classes: {a: {children: &k {x: {}, z: {}}}, b: {children: *k}}", "'b/x' has two parents"),
        ("classes: {a: {children: &k {x: , z: }}, b: {children: *k}}", "'b/x' has two parents"),
        ("classes: {a: &a {children: {x: {}, z: {}}}, b: *a}", "'b/x' has two parents"),
        ("classes: {a: &a {children: {b: *a}}, c: {}}", "'a/b' is a descendant of itself: a tree has no cycle"),
        ("classes: {a: {children: &k {b: {children: *k}}}, c: {}}", "a tree has no cycle"),
        (
            "classes:\n  a: {}\n  b: {}\n  a: {}",
            r"'a' stands twice in one mapping \(line 4\); sibling names must differ",
        ),
        ("classes: [a, b, a]", "class 'a' stands twice at one level"),
        ("classes: {a: {kind: thing, children: {b: {kind: stuff}, c: {}}}}", "'a/b' is stuff under a thing"),
        ("classes: {a: {kind: object}, b: {}}", "kind of class 'a' must be 'stuff' or 'thing', got 'object'"),
        (
            "classes: {a: {colour: red}, b: {}}",
            r"unknown keys \['colour'\] at class 'a'; known keys are \['attributes'",
        ),
        ("classes: [a, b]\nignored: [255]", r"unknown keys \['ignored'\] in the class tree"),
        ("names: [a, b]", r"unknown keys \['names'\]"),
        ("ignore: [255]", "needs the key 'classes'"),
        ("classes: {a: {ids: [1, 2]}, b: {ids: [2]}}", "label value 2 stands for 'a' and for 'b'; give it one"),
        ("classes: {a: {ids: [1]}, b: {ids: [2]}}\nignore: [2]", "label value 2 of 'b' is also in 'ignore'"),
        ("classes: {a: {ids: [-1]}, b: {}}", "ids of class 'a' must be whole numbers >= 0"),
        ("classes: {a: {ids: [1.0]}, b: {}}", "ids of class 'a' must be whole numbers >= 0"),
        ("classes: {a: {ids: yes}, b: {}}", "ids of class 'a' must be whole numbers >= 0"),
        ("classes: {a: {color: blue}, b: {}}", "color of class 'a' must look like '#3b82f6', got 'blue'"),
        ("classes: {a: {color: '#12345g'}, b: {}}", "color of class 'a' must look like"),
        ("classes: {a: {color: 112233}, b: {}}", "color of class 'a' must look like"),
        ("classes: {a: {color: '#11 22 33'}, b: {}}", "color of class 'a' must look like"),
        ("classes: {a: {children: [b]}}", "the tree has one leaf, 'a/b'"),
        ("classes: {}", "the class tree is empty"),
        ("classes: [yes, b]", "class name True must be text without '/'; quote it"),
        ("classes: [a/b, c]", "class name 'a/b' must be text without '/'"),
        ("classes: {a: 1, b: 2}", r"class 'a' must hold a mapping such as \{kind: thing\}, got 1"),
        ("classes: [a, {car: {kind: thing}}]", "a list of classes holds names alone"),
        ("classes: background", "'classes' must be a mapping or a list of names, got 'background'"),
        ("classes: {a: {children: b}, c: {}}", "children of class 'a' must be a mapping or a list of names"),
        ("classes: [a, b", "is not valid YAML"),
        ("classes: {a: {color: 2020-99-99}, b: {}}", "is not valid YAML"),
        ("classes: !!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("", "must hold a mapping with the key 'classes', got NoneType"),
        ("classes: " + "{a: {children: " * 70 + "[x, y]" + "}}" * 70, "more than 4096 nodes or 64 levels"),
        ("classes: " + "{a: {children: " * 3000 + "[x, y]" + "}}" * 3000, "is not valid YAML"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_by_name(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ClassTreeError, match=sentence) as caught:
        from_yaml(tmp_path, text)

    assert str(tmp_path / "classes.yaml") in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("classes: [Straße, b]".encode("latin-1"))

    for name in ("none.yaml", "none.txt", "latin.yaml", "."):
        with pytest.raises(ClassTreeError, match=f"{(tmp_path / name).name}.* cannot be read as text"):
            ClassTree.from_file(tmp_path / name)


def test_a_text_file_holds_ids_and_names_and_what_to_ignore(tmp_path: Path) -> None:
    tree = from_lines(
        tmp_path, "0 background\n3: own lane\n\n# a comment\n7 car/door\n11 unlabelled(ignore)\n255 Void\n"
    )

    assert [(node.name, node.ids) for node in tree] == [("background", (0,)), ("own lane", (3,)), ("car-door", (7,))]
    assert tree.ignore == (11, 255)


def test_names_alone_are_numbered_from_zero(tmp_path: Path) -> None:
    tree = from_lines(tmp_path, "\ufeffground\nroof tile\nunlabeled\nwater\n")

    assert [(node.name, node.ids) for node in tree] == [("ground", (0,)), ("roof tile", (1,)), ("water", (3,))]
    assert tree.ignore == (2,)


def test_a_class_that_only_contains_the_letters_void_is_a_class(tmp_path: Path) -> None:
    assert paths(from_lines(tmp_path, "0 avoidance\n1 ovoid\n2 void_area\n")) == ["avoidance", "ovoid"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 a\n1 b\n2 a", "names class 'a' twice"),
        ("0 a-b\n1 a/b\n2 c", "names class 'a-b' twice"),
        ("0 a\n0 b", "label value 0 stands for 'a' and for 'b'"),
        ("0 a\n1 void", "the tree has one leaf"),
        ("", "the class tree is empty"),
    ],
)
def test_a_text_file_that_breaks_a_rule_is_refused_by_name(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ClassTreeError, match=rf"classes\.txt.*{sentence}"):
        from_lines(tmp_path, text)


@given(tree=trees())
def test_levels_nest(tree: ClassTree) -> None:
    for k in range(1, tree.n_levels + 1):
        table = tree.level_table(k)
        assert set(table.tolist()) - {ROOT} == set(tree.level(k))
        assert tree.leaf_matrix[list(tree.level(k))].sum(axis=0).tolist() == [1] * tree.n_leaves
        for finer in range(k, tree.n_levels + 1):
            through = table[tree.level_table(finer)]
            stated = tree.level_table(finer) != ROOT
            assert np.array_equal(through[stated], table[stated])


def test_numbers_of_nodes_roll_up_to_their_parents_and_to_the_root() -> None:
    tree = ClassTree({"sky": {}, "car": {"children": ["audi", "honda"]}})
    own = np.array([7, 1, 2, 3, 4])

    assert tree.roll_up(own).tolist() == [17, 1, 9, 3, 4]
    assert own.tolist() == [7, 1, 2, 3, 4]


def test_an_attribute_is_found_by_its_name() -> None:
    tree = ClassTree({"sky": {}, "car": {"attributes": {"body": ["van", "bus"]}}})

    assert tree.attribute("body").values == ("van", "bus")
    with pytest.raises(ClassTreeError, match="no attribute 'lit'; the tree's attributes are body"):
        tree.attribute("lit")
