"""The class tree: nodes, levels, stuff and things, attributes, colours; its files.

This is the room's door: other rooms import from here only.
"""

from __future__ import annotations

from smalta.classes.nodes import ROOT, Attribute, Node
from smalta.classes.tree import ClassTree

__all__ = ["ROOT", "Attribute", "ClassTree", "Node"]
