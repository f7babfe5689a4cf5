"""Find the work of a training, before it starts.

In:  a labelled data set, or its facts and a network's configuration.
Out: `Work`, for which a plan can be made.

Must not know: how a plan is chosen, how it is shown.
"""

from __future__ import annotations

from pathlib import Path

from smalta.classes import ClassTree
from smalta.data.dataset import open_dataset
from smalta.data.fingerprint import Fingerprint, measure
from smalta.model.info import OBJECT_KINDS, NetworkConfig
from smalta.plan.candidates import TRAINING_BATCH, Work
from smalta.plan.workload import work_of_network
from smalta.training.settings import TrainSettings, kind_of, view_size


def training_work(data: Path, size_hw: tuple[int, int] | None = None) -> Work:
    """The work of a training on a data set with usual settings.

    Args:
        data: the data set, in any format that `open_dataset` knows.
        size_hw: of the views, pixels; None for what training would take.

    Raises:
        SmaltaError: if the data cannot be used.
    """
    settings = TrainSettings()
    dataset = open_dataset(data, seed=settings.seed)
    fingerprint = measure(dataset, seed=settings.seed)
    kind, _ = kind_of(settings.kind, dataset.tree, dataset.has_instances)
    config = network_config(settings, dataset.tree, fingerprint, objects=kind in OBJECT_KINDS)
    batch = wanted_batch(settings, fingerprint)
    return work_of_network(config, size_hw or view_size(settings, fingerprint), "training", batch=batch)


def network_config(
    settings: TrainSettings, tree: ClassTree, fingerprint: Fingerprint, *, objects: bool
) -> NetworkConfig:
    """What the network is built from."""
    stride = settings.stride or fingerprint.output_stride
    return NetworkConfig.for_tree(tree, objects=objects, encoder=settings.encoder, stride=stride, width=settings.width)


def wanted_batch(settings: TrainSettings, fingerprint: Fingerprint) -> int:
    """Pictures per step, memory aside: as told, or as many as the schedule was made for and the data set has."""
    return settings.batch or max(2, min(TRAINING_BATCH, fingerprint.n_pictures.get("train", TRAINING_BATCH)))
