"""A run's folder at the start: created for a new run, read for a resumed one.

In:  a path; a run's settings and its recipe.
Out: RUN/settings.json and RUN/classes.yaml, and their content.

Must not know: networks, states, how a run proceeds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from smalta.classes import ClassTree
from smalta.data.dataset import Dataset
from smalta.data.fingerprint import Fingerprint
from smalta.description.run_folder import CLASSES_FILE, SETTINGS_FILE, read_settings
from smalta.errors import ConfigError, ModelError, SmaltaError, TrainingError
from smalta.runtimes.registry import AUTO
from smalta.system.records import read_record
from smalta.system.whole_files import write_bytes
from smalta.training.recipe import Recipe
from smalta.training.settings import TrainSettings
from smalta.version import __version__


def claim(run: Path) -> None:
    """Make the folder of a new run.

    Raises:
        TrainingError: if it is not empty, or cannot be made.
    """
    if run.exists() and not run.is_dir():
        raise TrainingError(f"{run} is a file; name a folder for the run with --out")
    if run.is_dir() and any(run.iterdir()):
        raise TrainingError(f"{run} is not empty; name a new folder with --out, or continue its run with --resume")
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{run} cannot be made ({error}); name another folder with --out") from error


def write_run(
    run: Path,
    dataset: Dataset,
    settings: TrainSettings,
    fingerprint: Fingerprint,
    recipe: Recipe,
    facts: Mapping[str, Any],
) -> None:
    """Write the settings of a new run and its recipe.

    Args:
        run: its folder.
        dataset: of the run.
        settings, fingerprint, recipe: of this run.
        facts: of its model: "weights", the source of the encoder's initial weights; "initial", as `start_from` gives
            it, if the run starts from a model.
    """
    content = {
        "smalta": __version__,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "data": str(dataset.root),
        "settings": settings.to_dict(),
        "recipe": recipe.to_dict(),
        "weights": facts["weights"],
        "initial": facts.get("initial", {}),
        "fingerprint": fingerprint.to_dict(),
    }
    write_bytes(run / CLASSES_FILE, dataset.tree.to_yaml().encode())
    write_bytes(run / SETTINGS_FILE, (json.dumps(content, indent=1) + "\n").encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The entries of a settings file that a resumed run needs."""

    settings: Mapping[str, Any]
    fingerprint: Fingerprint
    weights: str
    initial: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run to be resumed.

    Attributes:
        run: its folder.
        settings: from its start, with the device left open.
        fingerprint: of its data set.
        weights: source of the encoder's initial weights.
        initial: facts about the model that the run started from, as `start_from` gives them; empty without one.
        tree: the classes.
    """

    run: Path
    settings: TrainSettings
    fingerprint: Fingerprint
    weights: str
    initial: Mapping[str, Any]
    tree: ClassTree

    @classmethod
    def read(cls, run: Path) -> Self:
        """Read a run's folder.

        Raises:
            ModelError: if there is no run in it, or the run's settings are damaged.
            ClassTreeError: if its class tree cannot be read.
        """
        path = run / SETTINGS_FILE
        if not path.is_file():
            raise ModelError(f"{run} holds no run to resume; omit --resume and name a new folder to start one")
        kept = {key: value for key, value in read_settings(run).items() if key in _Read.__slots__}
        try:
            found = read_record(_Read, kept, what="the file")
            settings = TrainSettings.from_dict({**found.settings, "device": AUTO})
        except SmaltaError as error:
            raise ModelError(f"{path} is damaged ({error}); start a new run in another folder") from error
        tree = ClassTree.from_file(run / CLASSES_FILE)
        return cls(
            run=run,
            settings=settings,
            fingerprint=found.fingerprint,
            weights=found.weights,
            initial=found.initial,
            tree=tree,
        )

    def settings_for(self, wanted: TrainSettings) -> TrainSettings:
        """The run's settings with the budget and the device that are requested now.

        Raises:
            ConfigError: if any other requested setting differs from the run's.
        """
        budget = {"minutes": wanted.minutes, "steps": wanted.steps}
        stated = any(value is not None for value in budget.values())
        settings = replace(self.settings, device=wanted.device, **(budget if stated else {}))  # type: ignore[arg-type]
        for name, usual in TrainSettings().to_dict().items():
            now, then = getattr(wanted, name), getattr(settings, name)
            if now not in (usual, then):
                raise ConfigError(
                    f"the run in {self.run} was started with {name} {then!r} and cannot continue with {now!r}; "
                    "omit that option, or start a new run in another folder"
                )
        return settings

    def tree_for(self, wanted: ClassTree | str | Path | None) -> ClassTree:
        """The run's class tree.

        Raises:
            ConfigError: if another class tree is requested.
        """
        wanted = ClassTree.from_file(wanted) if isinstance(wanted, str | Path) else wanted
        if wanted is not None and wanted != self.tree:
            raise ConfigError(
                f"the run in {self.run} was started with other classes; omit --classes, or start a new run in another "
                "folder"
            )
        return self.tree
