"""Class trees for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from smalta.classes import ClassTree

STREET: dict[str, Any] = {
    "sky": {},
    "vehicle": {"kind": "thing", "children": {"car": {"children": ["audi", "honda"]}, "lorry": {}}},
    "person": {"kind": "thing"},
}


def paths(tree: ClassTree) -> list[str]:
    """Paths of all nodes, in pre-order."""
    return [node.path for node in tree]


@st.composite
def trees(draw: st.DrawFn, *, most_leaves: int = 8) -> ClassTree:
    """Trees of two to `most_leaves` leaves and one to four levels; names recur in different branches."""

    def branch(leaves: int, depth: int) -> dict[str, Any]:
        if depth == 4 or (leaves == 1 and draw(st.booleans())):
            return {f"n{k}": {} for k in range(leaves)}
        cuts = sorted(draw(st.sets(st.integers(1, leaves - 1), max_size=leaves - 1))) if leaves > 1 else []
        spec = {}
        for k, (start, stop) in enumerate(zip([0, *cuts], [*cuts, leaves], strict=True)):
            is_leaf = stop - start == 1 and draw(st.booleans())
            spec[f"n{k}"] = {} if is_leaf else {"children": branch(stop - start, depth + 1)}
        return spec

    return ClassTree(branch(draw(st.integers(2, most_leaves)), 1))
