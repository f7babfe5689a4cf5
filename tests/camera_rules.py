"""Rules of a camera, as the documentation shows them, and a class tree that they fit."""

from __future__ import annotations

from smalta.classes import ClassTree

TREE = ClassTree(
    {
        "floor": {},
        "road": {"children": {"crossing": {}, "oncoming_lane": {}, "lane": {}}},
        "person": {"kind": "thing", "attributes": {"clothing": ["staff", "guest"]}},
        "vehicle": {"kind": "thing", "children": {"car": {}, "lorry": {}}},
        "bag": {"kind": "thing"},
    }
)
RULES = """
picture: [640, 360]
zones:
  shop:    {polygon: [[40, 90], [600, 90], [620, 350], [20, 350]], point: foot, of: person}
  road:    {stuff: road}
  place_1: {polygon: [[10, 200], [90, 200], [95, 260], [8, 260]], point: overlap 0.4, of: vehicle}
lines:
  door: {from: [250, 120], to: [390, 120], in: right, of: person}
events:
  - {name: queue,    when: count in shop of person >= 5, for: 20 s}
  - {name: jaywalk,  when: person on road, for: 1 s, unless: person on road/crossing}
  - {name: wrong_way, when: vehicle on road/oncoming_lane, for: 2 s}
  - {name: loiter,   when: person stays in shop > 600 s}
  - {name: left,     when: bag still > 60 s and no person within 80 px}
ignore: {person: {attribute: clothing, values: [staff]}}
"""
