"""Write a trained model as one ONNX file, and check that it answers as PyTorch does.

In:  a run's folder, the path of the file to write.
Out: the file, with everything that inference needs: class tree, threshold, facts, normalisation, padding, softmax.

The exporter's output is not trusted: the graph is compared with PyTorch in float32 first. Only then are other
precisions made from it and judged on validation pictures.

Must not know: training, how a network becomes a graph, decoding.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.description.model_info import PRECISIONS, ModelInfo, Precision
from smalta.description.run_folder import MODEL_FILE, read_settings
from smalta.errors import ConfigError, DataError, ModelError, SmaltaError
from smalta.exporting.onnx_graph import trace, with_description
from smalta.exporting.parity import Parity, compare
from smalta.exporting.precision import WANTED, Choice, Wanted, measure
from smalta.exporting.quantise import quantise, what_lacks
from smalta.exporting.stored_weights import STORED, Stored, in_8_bits
from smalta.model.storage import load_model
from smalta.runtimes.open_vino import multiplies_bf16
from smalta.scenes import generate
from smalta.system.whole_files import write_bytes
from smalta.version import __version__

MOST_PICTURES = 8
MOST_CALIBRATED = 100  # training pictures from which int8 learns its ranges
SCENES = 4  # generated, if there are no pictures
LEAST_EQUAL = 0.99  # share of pixels with the same class, for weights of 8 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        parity: of the graph in float32.
        choice: of the precision; None if fp32 was requested, which needs no comparison.
        stored: parity of the graph with weights of 8 bits; None if they are full.
    """

    parity: Parity
    choice: Choice | None
    stored: Parity | None = None


def export(
    run: str | Path,
    out: str | Path,
    *,
    precision: Wanted = "fp32",
    weights: Stored = "full",
    data: str | Path | None = None,
) -> Exported:
    """Write a run's model as one ONNX file.

    Args:
        run: a run's folder, or the `model.safetensors` in it.
        out: the file, ending in `.onnx`; it is written whole or not at all.
        precision: in which it multiplies; "auto" for the fastest whose scores on validation pictures fall by at most
            half a point.
        weights: how they are stored. With "int8" the file has a third of the size and computes as fast; every large
            weight is rounded to 8 bits. A model of precision "int8" has such weights anyway.
        data: the run's data set; None for its place at the time of training.

    Raises:
        ModelError: if the model cannot be read or exported, or the file's answers differ from PyTorch's; no file is
            written then.
        ConfigError: if `out` has another ending, or the precision is unknown, cannot be made here, or needs a data set
            that cannot be read.
        DataError: if `out` cannot be written.

    Example:
        >>> export("run", "again.onnx").parity.holds
        True
    """
    source, target = Path(run), Path(out)
    if target.suffix != ".onnx":
        raise ConfigError(f"{target} must end in .onnx: smalta recognises an exported model by this ending")
    if precision not in WANTED:
        raise ConfigError(f"precision must be one of {', '.join(WANTED)}, got {precision!r}")
    if weights not in STORED:
        raise ConfigError(f"weights must be one of {', '.join(STORED)}, got {weights!r}")
    folder = source if source.is_dir() or not source.suffix else source.parent
    network, info = load_model(source if source != folder else folder / MODEL_FILE)
    left_out = _left_out(precision)
    dataset = _dataset(folder, info, data)
    if precision != "fp32" and isinstance(dataset, str):
        raise ConfigError(
            f"precision {precision!r} is judged on the run's validation pictures, and int8 learns its ranges from its "
            f"training pictures, but {dataset}; name their folder with --data, or use --precision fp32"
        )
    graph = trace(network, info)
    pictures = _pictures(dataset)
    parity = compare(with_description(graph, info), network, info, *pictures)
    if not parity.holds:
        raise ModelError(
            f"the exported model does not answer as PyTorch does: {parity.beside_limits}; "
            "no file was written, use the run's folder instead"
        )
    stamp: dict[str, Any] = {"smalta": __version__, "torch": torch.__version__, "parity": asdict(parity)}
    choice = None
    if not isinstance(dataset, str) and precision != "fp32":
        graph, choice = _chosen(graph, info, dataset, precision, left_out)
        info = replace(info, precision=choice.kept.precision)
        stamp["precision"] = choice.to_dict()
    stored = None
    if weights == "int8" and info.precision != "int8":
        graph = in_8_bits(graph)
        stored = compare(with_description(graph, info), network, info, *pictures)
        if not stored.equal_share >= LEAST_EQUAL:
            raise ModelError(
                f"with weights of 8 bits only {stored.equal_share:.2%} of the pixels get the same class (needed "
                f"{LEAST_EQUAL:.0%}); no file was written, use --weights full"
            )
        stamp["weights"] = {"stored": weights, "parity": asdict(stored)}
    _write(target, with_description(graph, replace(info, facts={**info.facts, "export": stamp})))
    return Exported(parity=parity, choice=choice, stored=stored)


def _left_out(wanted: Wanted) -> dict[Precision, str]:
    """Precisions that cannot be made here, and why.

    Raises:
        ConfigError: if the wanted one is among them.
    """
    found: dict[Precision, str] = {}
    if wanted in ("bf16", "auto") and not multiplies_bf16():
        found["bf16"] = "this processor does not multiply in bf16, or OpenVINO is not installed"
    if wanted in ("int8", "auto") and (lacks := what_lacks()):
        found["int8"] = lacks
    if wanted != "auto" and wanted in found:
        raise ConfigError(f"precision {wanted!r} cannot be made here: {found[wanted]}, or use --precision fp32")
    return found


def _chosen(
    graph: onnx.ModelProto, info: ModelInfo, dataset: Dataset, wanted: Wanted, left_out: dict[Precision, str]
) -> tuple[onnx.ModelProto, Choice]:
    """The graph in the chosen precision, and the choice."""
    graphs = {p: graph for p in PRECISIONS if wanted in (p, "auto") and p not in left_out} | {"fp32": graph}
    if "int8" in graphs:
        learned_from = dataset.spread("train", MOST_CALIBRATED)
        graphs["int8"] = quantise(graph, [s.picture for s in dataset.read_many(learned_from, workers=1)])
    files = {p: with_description(graphs[p], replace(info, precision=p)) for p in PRECISIONS if p in graphs}
    choice = measure(files, dataset, wanted, left_out)
    return graphs[choice.kept.precision], choice


def _write(target: Path, content: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{target.parent} cannot be made: {error}") from error
    write_bytes(target, content)


def _dataset(run: Path, info: ModelInfo, data: str | Path | None) -> Dataset | str:
    """The data set that a run was trained on, or why it cannot be read.

    Raises:
        SmaltaError: if the caller named it, and it cannot be read.
    """
    unsaid = f"{run} does not say which data set it was trained on"
    try:
        settings = read_settings(run)
        root, seed = data or settings["data"], settings["settings"]["seed"]
    except (KeyError, TypeError, ModelError):
        return unsaid
    try:
        dataset = open_dataset(root, classes=info.tree, seed=seed)
        dataset.split("val")
    except (OSError, ValueError, KeyError, TypeError, SmaltaError) as error:
        if data is not None and isinstance(error, SmaltaError):
            raise
        return str(error) if isinstance(error, SmaltaError) else unsaid
    return dataset


def _pictures(dataset: Dataset | str) -> tuple[list[np.ndarray], str]:
    """Validation pictures of the run's data set, or generated scenes if it cannot be read; and their description."""
    if not isinstance(dataset, str):
        with contextlib.suppress(OSError, SmaltaError):
            samples = list(dataset.read_many(dataset.spread("val", MOST_PICTURES), workers=1))
            return [s.picture for s in samples], f"{len(samples)} validation pictures of {dataset.root.resolve().name}"
    scenes = [generate("mixed", seed).picture for seed in range(SCENES)]
    return scenes, f"{len(scenes)} generated scenes, because the run's data set cannot be read"
