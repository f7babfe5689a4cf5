"""Plan a training: its work, known before it starts, and the best way to do it on this machine.

In:  a labelled data set, or its facts, and settings.
Out: `Work`, `Plan`; RUN/plan.json.

Must not know: how a plan is chosen, how it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.fingerprint import Fingerprint, measure
from smalta.description.kinds import OBJECT_KINDS
from smalta.description.network_config import NetworkConfig
from smalta.errors import ConfigError
from smalta.planning.candidates import Work
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits, Plan
from smalta.planning.plan_file import read_plan
from smalta.planning.planner import plan
from smalta.planning.work_of import work_of_network
from smalta.runtimes.registry import AUTO
from smalta.training.recipe import crop_size, kind_of, wanted_batch
from smalta.training.settings import TrainSettings


def training_work(data: Path, size_hw: tuple[int, int] | None = None) -> Work:
    """The work of a training on a data set with usual settings.

    Args:
        data: the data set, in any format that `open_dataset` reads.
        size_hw: of the crops, pixels; None for the size that training would choose.

    Raises:
        SmaltaError: if the data cannot be used.
    """
    settings = TrainSettings()
    dataset = open_dataset(data, seed=settings.seed)
    fingerprint = measure(dataset, seed=settings.seed)
    kind, _ = kind_of(settings.kind, dataset.tree, dataset.has_instances)
    return work_of(settings, dataset.tree, fingerprint, objects=kind in OBJECT_KINDS, size_hw=size_hw)


def work_of(
    settings: TrainSettings,
    tree: ClassTree,
    fingerprint: Fingerprint,
    *,
    objects: bool,
    size_hw: tuple[int, int] | None = None,
) -> Work:
    """The work of a training whose data set is measured already; `size_hw` as for `training_work`."""
    config = network_config(settings, tree, settings.stride or fingerprint.output_stride, objects=objects)
    batch = wanted_batch(settings, fingerprint)
    crop_hw = size_hw or crop_size(settings, fingerprint)
    return work_of_network(config, crop_hw, "training", batch=batch, fine_kept=settings.pretrained)


def network_config(settings: TrainSettings, tree: ClassTree, stride: int, *, objects: bool) -> NetworkConfig:
    """The network's configuration."""
    return NetworkConfig.for_tree(tree, objects=objects, encoder=settings.encoder, stride=stride, width=settings.width)


def plan_training(work: Work, settings: TrainSettings, machine: Machine, free_bytes: int) -> Plan:
    """The plan of a training.

    Free memory is only a preference: other programs may free theirs soon, and a step that does not fit runs in parts.
    The memory of the machine or of a control group is a limit, and so is that of the settings.

    Args:
        work: result of `work_of`.
        settings: their device, batch and memory are kept if they are set.
        machine: where it runs.
        free_bytes: memory that is free now.

    Raises:
        ConfigError: if the work does not fit the machine, or the limits of the settings.
    """
    device = None if settings.device == AUTO else settings.device
    limits = Limits(memory_bytes=max(free_bytes, 1), device=device, batch=settings.batch)
    try:
        return plan(work, machine, limits)
    except ConfigError:
        return plan(work, machine, replace(limits, memory_bytes=settings.memory_bytes))


def stored_plan(run: Path, settings: TrainSettings) -> Plan | None:
    """The plan from a run's start; None if it cannot be read, or if the settings name another device."""
    made = read_plan(run)
    return made if made is not None and settings.device in (AUTO, made.device) else None


def with_measured(made: Plan, seconds: Mapping[str, float]) -> Plan:
    """The plan with the measured times of its steps, so that the planner's error is known."""
    return replace(made, measured={name: round(value, 6) for name, value in seconds.items()})
