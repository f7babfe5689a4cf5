"""Write a plan beside its results, and read it again.

In:  a plan, a folder.
Out: `plan.json` in it; the plan.

Must not know: how a plan is made or followed.
"""

from __future__ import annotations

import json
from pathlib import Path

from smalta.description.run_folder import PLAN_FILE
from smalta.errors import SmaltaError
from smalta.planning.plan import Plan
from smalta.system.records import parse_json
from smalta.system.whole_files import write_bytes


def write_plan(folder: Path, made: Plan) -> None:
    """Write FOLDER/plan.json, whole or not at all.

    Raises:
        DataError: if it cannot be written.
    """
    write_bytes(folder / PLAN_FILE, (json.dumps(made.to_dict(), indent=1) + "\n").encode())


def read_plan(folder: Path) -> Plan | None:
    """Read FOLDER/plan.json; None if it is missing or cannot be read."""
    try:
        return Plan.from_dict(parse_json((folder / PLAN_FILE).read_bytes()))
    except (OSError, SmaltaError):
        return None
