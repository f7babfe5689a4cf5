"""Class trees are read from files and written to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from smalta.classes import ClassTree
from smalta.errors import ClassTreeError
from trees import paths, trees


def from_yaml(folder: Path, text: str) -> ClassTree:
    path = folder / "classes.yaml"
    path.write_text(text, encoding="utf-8")
    return ClassTree.from_file(path)


def from_lines(folder: Path, text: str) -> ClassTree:
    path = folder / "classes.txt"
    path.write_text(text, encoding="utf-8")
    return ClassTree.from_file(path)


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
        ("classes: {a: {children: {x: &x {}, z: {}}}, b: {children: {x: *x}}}", r"two parents \(it is also 'a/x'\)"),
        ("classes: {a: {children: &k {x: {}, z: {}}}, b: {children: *k}}", "'b/x' has two parents"),
        ("classes: {a: {children: &k {x: , z: }}, b: {children: *k}}", "'b/x' has two parents"),
        ("classes: {a: &a {children: {x: {}, z: {}}}, b: *a}", "'b/x' has two parents"),
        ("classes: {a: &a {children: {b: *a}}, c: {}}", "'a/b' is a descendant of itself; a tree has no cycle"),
        ("classes: {a: {children: &k {b: {children: *k}}}, c: {}}", "a tree has no cycle"),
        (
            "classes:\n  a: {}\n  b: {}\n  a: {}",
            r"'a' occurs twice in one mapping \(line 4\); sibling names must differ",
        ),
        ("classes: [a, b, a]", "class 'a' is listed twice at one level"),
        ("classes: {a: {kind: thing, children: {b: {kind: stuff}, c: {}}}}", "'a/b' is stuff below a thing"),
        ("classes: {a: {kind: object}, b: {}}", "kind of class 'a' must be 'stuff' or 'thing', got 'object'"),
        (
            "classes: {a: {colour: red}, b: {}}",
            r"unknown keys \['colour'\] in class 'a'; known keys are \['attributes'",
        ),
        ("classes: [a, b]\nignored: [255]", r"unknown keys \['ignored'\] in the class tree"),
        ("names: [a, b]", r"unknown keys \['names'\]"),
        ("ignore: [255]", "lacks the entry 'classes'; list the classes under 'classes'"),
        ("classes: {a: {ids: [1, 2]}, b: {ids: [2]}}", "label value 2 stands for 'a' and for 'b'; give it to one"),
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
        ("classes: [a, {car: {kind: thing}}]", "a list of classes must hold names only"),
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


@pytest.mark.parametrize("ignore", [[-1], [2**32], [1.5], ["void"]])
def test_values_to_ignore_must_be_label_values(ignore: list[Any], tmp_path: Path) -> None:
    with pytest.raises(ClassTreeError, match="'ignore' must"):
        ClassTree(["a", "b"], ignore)
    with pytest.raises(ClassTreeError, match=r"classes\.yaml: 'ignore' must be a list of whole numbers"):
        from_yaml(tmp_path, f"classes: [a, b]\nignore: {ignore}")
