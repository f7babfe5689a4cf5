"""Plain data that nobody would write, and places to put them, for property tests of what is read from files."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Parsed JSON in which an entry at any depth is another, or missing, or one that nobody knows was added."""
    made = copy.deepcopy(whole)
    here: Any = made
    while True:
        key = draw(st.sampled_from(list(here) if isinstance(here, dict) else range(len(here))))
        if isinstance(here[key], dict | list) and here[key] and draw(st.integers(0, 3)):
            here = here[key]
            continue
        act = draw(st.sampled_from(["replace", "remove", "add"]))
        if act == "replace":
            here[key] = draw(plain)
        elif act == "remove":
            del here[key]
        elif isinstance(here, dict):
            here[draw(st.text(max_size=5))] = draw(plain)
        else:
            here.append(draw(plain))
        return made
