"""What sets runtimes apart stands in one place, and one more entry there is one more runtime."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smalta
from machines import MEMORY, PLAIN_SHARES, TWO_CORES
from smalta.inference.answer_plan import answering_work
from smalta.inference.opened import open_model
from smalta.planning import candidates, cost
from smalta.planning.cost import Way
from smalta.planning.plan import Limits, Plan
from smalta.planning.planner import plan
from smalta.runtimes.registry import OPENVINO, PYTORCH, RUNTIMES, RuntimeKind, runtimes_for

# modules that name a package to import it or to ask for its version, and no runtime
PACKAGES_ALONE = {"planning/machine.py", "exporting/quantise.py"}


class Quick:
    """A runtime that answers at once."""

    name = "Quick 1.0"

    def __init__(self, content: bytes, info: object, **settings: Any) -> None:
        self.stride, self.streams, self.settings = 4, settings["streams"], settings

    def maps(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        return {}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> RuntimeKind:
    """A further runtime: an entry in the registry, and shares that are four times those of the others."""
    kind = RuntimeKind(
        name="quick",
        package="numpy",
        graph=True,
        precisions={"cpu": ("fp32",)},
        side_by_side=True,
        opens=lambda: Quick,
    )
    shares = {
        name.replace("openvino", "quick"): 4 * share for name, share in PLAIN_SHARES.items() if "openvino" in name
    }
    memory = {name.replace("openvino", "quick"): size for name, size in MEMORY.items() if "openvino" in name}
    told = {"shares": PLAIN_SHARES | shares, "memory": MEMORY | memory}
    monkeypatch.setitem(RUNTIMES, kind.name, kind)  # type: ignore[arg-type]
    for module in (cost, candidates):
        monkeypatch.setattr(module, "fitted", lambda: told)
    return kind


def test_a_further_runtime_is_planned_and_started_by_its_entry_alone(quick: RuntimeKind, random_file: Path) -> None:
    model = open_model(random_file)

    made = plan(answering_work(model, (512, 512)), TWO_CORES, Limits(precision="fp32"))
    runtime = model.runtime(Way.of(made))

    assert (made.runtime, made.streams * made.threads) == (quick.name, 2)
    assert made.reasons["layout"] == "quick chooses its own"
    assert "with openvino, fp32" in made.reasons["runtime"]
    assert Plan.from_dict(made.to_dict()) == made
    assert isinstance(runtime, Quick)
    assert runtime.settings == {"streams": made.streams, "threads": made.threads, "precision": "fp32"}


def test_without_a_plan_the_first_of_the_registry_runs_an_exported_file(quick: RuntimeKind) -> None:
    assert [kind.name for kind in runtimes_for(exported=True)] == ["openvino", "onnxruntime", "quick"]
    assert runtimes_for(exported=False) == (PYTORCH,)


def test_shares_are_a_runtimes_own_on_the_processor_and_the_cards_on_a_card() -> None:
    assert [PYTORCH.shares(device) for device in PYTORCH.precisions] == ["pytorch", "cuda"]
    assert [OPENVINO.shares(device) for device in OPENVINO.precisions] == ["openvino"]


def test_names_of_runtimes_stand_in_the_registry_alone() -> None:
    root = Path(smalta.__file__).parent
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in RUNTIMES
    }

    assert found - PACKAGES_ALONE == {"runtimes/registry.py"}
