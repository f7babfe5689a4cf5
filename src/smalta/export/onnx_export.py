"""Write a trained model as one ONNX file, and prove that it answers as PyTorch does.

In:  a run's folder, the path of the file to write.
Out: the file, with everything that answering needs: class tree, threshold, facts, normalisation, padding, softmax.

The graph is proven in float32 first. Only then are other precisions made of it and judged on validation pictures.

PyTorch's older exporter, the one that traces, is used: it needs no further package, folds batch normalisation, and
takes seconds where the newer one takes a minute. What it writes is not trusted, but compared with PyTorch on pictures.

Must not know: training, decoding beyond the comparison.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalta.answers.decoding import Decoding, decode
from smalta.answers.fields import CENTER, OFFSETS, SEMANTIC
from smalta.answers.upscaling import fields_of
from smalta.classes import Attribute
from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.description.model_info import PRECISIONS, ModelInfo, Precision
from smalta.description.run_folder import MODEL_FILE, read_settings
from smalta.errors import ConfigError, DataError, ModelError, SmaltaError
from smalta.export.precision import WANTED, Choice, Wanted, measure
from smalta.export.quantise import quantise, what_lacks
from smalta.model.network import Network
from smalta.model.storage import load_model
from smalta.model.torch_runtime import MULTIPLE, TorchRuntime
from smalta.runtimes.onnx_file import INPUT, METADATA_KEY, examine
from smalta.runtimes.onnx_runtimes import start
from smalta.runtimes.open_vino import multiplies_bf16
from smalta.scenes import generate
from smalta.system.whole_files import write_bytes
from smalta.version import __version__

OPSET = 17
MOST_DIFFERENCE = 1e-3  # of a probability
MOST_PIXELS = 0.05  # of an offset
LEAST_EQUAL = 0.999  # share of pixels with the same class
MOST_PICTURES = 8
MOST_CALIBRATED = 100  # training pictures that int8 learns its ranges from
SCENES = 4  # generated, where there are no pictures
LARGEST_SIDE = 1024  # pixels; of a larger picture the upper left part is compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How near the file's answers are to PyTorch's in float32.

    Attributes:
        runtime: what ran the file.
        pictures: which pictures were compared, for people.
        max_difference: the largest difference of a probability or of the centre map.
        max_offset_difference: of an offset to an object's centre, pixels; 0 where there are none.
        equal_share: share of pixels with the same class.
    """

    runtime: str
    pictures: str
    max_difference: float
    max_offset_difference: float
    equal_share: float

    @property
    def holds(self) -> bool:
        """Whether the file may be used; not where a difference is nan."""
        return (
            self.max_difference <= MOST_DIFFERENCE
            and self.max_offset_difference <= MOST_PIXELS
            and self.equal_share >= LEAST_EQUAL
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        parity: of the graph in float32.
        choice: of the precision; None where fp32 was ordered, which needs no judging.
    """

    parity: Parity
    choice: Choice | None


def export(run: str | Path, out: str | Path, *, precision: Wanted = "fp32", data: str | Path | None = None) -> Exported:
    """Write a run's model as one ONNX file.

    Args:
        run: a run's folder, or the `model.safetensors` in it.
        out: the file, ending in `.onnx`; it is written whole or not at all.
        precision: in which it multiplies; "auto" for the fastest whose scores on validation pictures fall by at most
            half a point.
        data: the run's data set; None for where it was when the run was trained.

    Raises:
        ModelError: if the model cannot be read or exported, or the file's answers are not PyTorch's; no file is
            written then.
        ConfigError: if `out` has another ending, or the precision is none, cannot be made here, or needs a data set
            that is not there.
        DataError: if `out` cannot be written.
    """
    source, target = Path(run), Path(out)
    if target.suffix != ".onnx":
        raise ConfigError(f"{target} must end in .onnx, by which smalta knows an exported model")
    if precision not in WANTED:
        raise ConfigError(f"precision must be one of {', '.join(WANTED)}, got {precision!r}")
    folder = source if source.is_dir() or not source.suffix else source.parent
    network, info = load_model(source if source != folder else folder / MODEL_FILE)
    left_out = _left_out(precision)
    dataset = _dataset(folder, info, data)
    if precision != "fp32" and isinstance(dataset, str):
        raise ConfigError(
            f"precision {precision!r} is judged on the run's validation pictures, and int8 learns its ranges from its "
            f"training pictures, but {dataset}; say where they are with --data, or use --precision fp32"
        )
    graph = _trace(network, info)
    content = _with_description(graph, info)
    parity = _compare(content, network, info, *_pictures(dataset))
    if not parity.holds:
        raise ModelError(
            f"the exported model does not answer as PyTorch does: probabilities differ by up to "
            f"{parity.max_difference:.2g} (allowed {MOST_DIFFERENCE:g}), offsets by up to "
            f"{parity.max_offset_difference:.2g} px (allowed {MOST_PIXELS:g}), and "
            f"{parity.equal_share:.3%} of the pixels get the same class (needed {LEAST_EQUAL:.1%}); "
            "no file was written, use the run's folder instead"
        )
    stamp: dict[str, Any] = {"smalta": __version__, "torch": torch.__version__, "parity": asdict(parity)}
    choice = None
    if not isinstance(dataset, str) and precision != "fp32":
        graphs = {p: graph for p in PRECISIONS if precision in (p, "auto") and p not in left_out} | {"fp32": graph}
        if "int8" in graphs:
            learned_from = dataset.spread("train", MOST_CALIBRATED)
            graphs["int8"] = quantise(graph, [s.picture for s in dataset.read_many(learned_from, workers=1)])
        files = {p: _with_description(graphs[p], replace(info, precision=p)) for p in PRECISIONS if p in graphs}
        choice = measure(files, dataset, precision, left_out)
        graph, info = graphs[choice.kept.precision], replace(info, precision=choice.kept.precision)
        stamp["precision"] = choice.to_dict()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{target.parent} cannot be made: {error}") from error
    write_bytes(target, _with_description(graph, replace(info, facts={**info.facts, "export": stamp})))
    return Exported(parity=parity, choice=choice)


def _left_out(wanted: Wanted) -> dict[Precision, str]:
    """Precisions that cannot be made here, and why.

    Raises:
        ConfigError: if it is one of them that was ordered.
    """
    found: dict[Precision, str] = {}
    if wanted in ("bf16", "auto") and not multiplies_bf16():
        found["bf16"] = "this processor does not multiply in bf16, or OpenVINO is not installed"
    if wanted in ("int8", "auto") and (lacks := what_lacks()):
        found["int8"] = lacks
    if wanted != "auto" and wanted in found:
        raise ConfigError(f"precision {wanted!r} cannot be had here: {found[wanted]}, or use --precision fp32")
    return found


# -- the graph ----------------------------------------------------------------------------------------


class _Graph(nn.Module):
    """What `TorchRuntime` does around the network, and the network, as one traceable module."""

    def __init__(self, network: Network, attributes: Sequence[Attribute]) -> None:
        super().__init__()
        self.network = network
        self.attributes = attributes

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 -> the outputs of `ModelInfo.outputs`, in that order."""
        height, width = pictures.shape[1], pictures.shape[2]
        planes = pictures.permute(0, 3, 1, 2).float()
        padded = F.pad(planes, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        logits = self.network(padded)
        answers = [self._full_size(logits[SEMANTIC], height, width)]
        coarse = [logits[SEMANTIC]]
        if "attributes" in logits:
            values = self._full_size(logits["attributes"], height, width)
            answers += [values[:, a.start : a.stop] for a in self.attributes]
            coarse.append(logits["attributes"])
        fields = tuple(torch.softmax(answer, dim=1) for answer in answers)
        if CENTER in logits:
            stride = self.network.config.stride
            cells = (..., slice((height + stride - 1) // stride), slice((width + stride - 1) // stride))
            fields = (*fields, torch.sigmoid(logits[CENTER])[cells], logits[OFFSETS][cells])
        return (*fields, *coarse)

    def _full_size(self, logits: Tensor, height: int, width: int) -> Tensor:
        stride = self.network.config.stride
        if stride > 1:
            logits = F.interpolate(logits, scale_factor=float(stride), mode="bilinear", align_corners=False)
        return logits[:, :, :height, :width]


class _SameConvolution(nn.Module):
    """A convolution that pads as TensorFlow does, for sides whose padding is constant: multiples of the stride."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        spans = zip(layer.kernel_size, layer.stride, layer.dilation, strict=True)
        totals = [max((kernel - 1) * dilation + 1 - stride, 0) for kernel, stride, dilation in spans]
        begins = [total // 2 for total in totals]
        self.pads = (*begins, *(total - begin for total, begin in zip(totals, begins, strict=True)))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        layer = self.layer
        settings = (self.pads, layer.stride, layer.dilation, layer.groups)
        return cast(Tensor, _LopsidedConvolution.apply(maps, layer.weight, layer.bias, *settings))


class _LopsidedConvolution(torch.autograd.Function):
    """A convolution with a padding per edge, which ONNX has as one operator and PyTorch as two."""

    @staticmethod
    def forward(
        ctx: Any,
        maps: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        pads: Sequence[int],
        stride: tuple[int, int],
        dilation: tuple[int, int],
        groups: int,
    ) -> Tensor:
        """Pad (top, left, bottom, right), then convolve."""
        top, left, bottom, right = pads
        return F.conv2d(F.pad(maps, (left, right, top, bottom)), weight, bias, stride, 0, dilation, groups)

    @staticmethod
    def symbolic(g: Any, maps: Any, weight: Any, bias: Any, pads: Any, stride: Any, dilation: Any, groups: int) -> Any:
        """The same as an operator of ONNX; the names end in the kind of value, as the exporter asks."""
        inputs = (maps, weight) if bias is None else (maps, weight, bias)
        settings = {"pads_i": pads, "strides_i": stride, "dilations_i": dilation, "group_i": groups}
        return g.op("Conv", *inputs, kernel_shape_i=weight.type().sizes()[2:], **settings)


def _replace_same_convolutions(module: nn.Module) -> None:
    """All "same" convolutions work out their padding from the picture's size; inside the network it is constant."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d) and (getattr(child, "same", False) or type(child).__name__ == "Conv2dSame"):
            setattr(module, name, _SameConvolution(child))
        else:
            _replace_same_convolutions(child)


def _trace(network: Network, info: ModelInfo) -> onnx.ModelProto:
    plain = copy.deepcopy(network).cpu().to(memory_format=torch.contiguous_format).eval()
    _replace_same_convolutions(plain)
    outputs = list(info.outputs)
    axes = {INPUT: {0: "B", 1: "H", 2: "W"}} | {
        name: {0: "B", 2: "h", 3: "w"} if name in info.maps else {0: "B", 2: "H", 3: "W"} for name in outputs
    }
    example = torch.zeros(2, MULTIPLE * 2 + 6, MULTIPLE * 3 - 6, 3, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that it traces and that it is the older exporter, which is meant
        path = Path(folder) / "model.onnx"
        try:
            torch.onnx.export(
                _Graph(plain, info.tree.attributes),
                (example,),
                str(path),
                dynamo=False,
                input_names=[INPUT],
                output_names=outputs,
                dynamic_axes=axes,
                opset_version=OPSET,
            )
        except Exception as error:  # an encoder may use anything, and the exporter's errors share no base
            raise ModelError(
                f"encoder {info.network.encoder!r} cannot be exported: {' '.join(str(error).split())[:300]}; "
                "use the run's folder instead"
            ) from error
        model = onnx.load(path, load_external_data=False)
    for entry, size in zip(model.graph.output, info.outputs.values(), strict=True):
        entry.type.tensor_type.shape.dim[1].dim_value = size  # a slice's channels stay free in the exporter's eyes
    return model


def _with_description(model: onnx.ModelProto, info: ModelInfo) -> bytes:
    described = onnx.ModelProto()
    described.CopyFrom(model)
    entry = described.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(info.to_dict())
    return cast(bytes, described.SerializeToString())


# -- parity -------------------------------------------------------------------------------------------


def _compare(
    content: bytes, network: Network, info: ModelInfo, pictures: Sequence[np.ndarray], described: str
) -> Parity:
    exported = start(content, examine(content), outputs=info.outputs)
    reference = TorchRuntime(network, info.tree.attributes, device="cpu", bf16=False)
    differences: dict[str, float] = dict.fromkeys(info.fields, 0.0)
    equal = total = 0
    for picture in _with_odd_size(pictures):
        theirs, found = reference(picture[None]), exported.maps(picture[None])
        # smalta makes fields of the maps; other programs take the fields that the file gives
        maps = {name: found[name][0] for name in info.maps}
        ours = fields_of(maps, info.tree.attributes, picture.shape[:2], info.network.stride)
        for name in differences:  # np.maximum keeps nan
            for field in (ours[name], found[name][0]):
                differences[name] = float(np.maximum(differences[name], np.abs(field - theirs[name][0]).max()))
        answers = (ours[SEMANTIC], theirs[SEMANTIC][0])
        decoding = Decoding(threshold=info.threshold)
        classes = [decode(info.tree, probabilities, decoding) for probabilities in answers]
        equal += int((classes[0] == classes[1]).sum())
        total += classes[0].size
    return Parity(
        runtime=exported.name,
        pictures=described,
        max_difference=float(np.max([value for name, value in differences.items() if name != OFFSETS])),
        max_offset_difference=differences.get(OFFSETS, 0.0),
        equal_share=equal / total,
    )


def _with_odd_size(pictures: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The pictures, and a part of the first that no data set's usual size would give."""
    yield from (picture[:LARGEST_SIDE, :LARGEST_SIDE] for picture in pictures)
    height, width = pictures[0].shape[:2]
    yield pictures[0][: math.ceil(min(height, LARGEST_SIDE) * 0.7), : math.ceil(min(width, LARGEST_SIDE) * 0.8)]


def _dataset(run: Path, info: ModelInfo, data: str | Path | None) -> Dataset | str:
    """The data set that a run was trained on, or why it cannot be read.

    Raises:
        SmaltaError: if it was named, and cannot be read.
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
    """Validation pictures of the run's data set, or generated scenes where it is not there any more; and which."""
    if not isinstance(dataset, str):
        with contextlib.suppress(OSError, SmaltaError):
            samples = list(dataset.read_many(dataset.spread("val", MOST_PICTURES), workers=1))
            return [s.picture for s in samples], f"{len(samples)} validation pictures of {dataset.root.resolve().name}"
    scenes = [generate("mixed", seed).picture for seed in range(SCENES)]
    return scenes, f"{len(scenes)} generated scenes, because the run's data set is not there to be read"
