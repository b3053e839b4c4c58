"""The network that the settings name, and weights for it that have seen ImageNet."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn

from gobhir import datasets
from gobhir.datasets.finding import own_folder
from gobhir.lang import say
from gobhir.projects.images.data import normalised
from gobhir.projects.images.networks.efficientnet_lite import EfficientNetLite0, renamed
from gobhir.projects.images.networks.mobilenet import MobileNetV2
from gobhir.projects.images.networks.resnet import ResNet
from gobhir.projects.images.networks.vgg import VGG16
from gobhir.projects.images.settings import Settings
from gobhir.projects.settings import write

WEIGHTS = "efficientnet_lite0"


def network(settings: Settings, classes: int) -> nn.Module:
    """A network with weights drawn by the settings' seed. Its channels lie side by side in memory:
    on a processor that takes two thirds of the time."""
    torch.manual_seed(settings.seed)
    kinds: dict[str, Callable[[], nn.Module]] = {
        "efficientnet_lite0": lambda: EfficientNetLite0(classes),
        "mobilenet_v2": lambda: MobileNetV2(classes, settings.width),
        "resnet18": lambda: ResNet(18, classes),
        "resnet50": lambda: ResNet(50, classes),
        "vgg16": lambda: VGG16(classes),
    }
    found: nn.Module = kinds[settings.network]()
    return found.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def imagenet() -> dict[str, torch.Tensor]:
    """EfficientNet-Lite0's weights as they were learned on ImageNet, without the head.

    The published file is a pickle: it is read once, as tensors alone and only if its checksum is
    the catalogue's, and kept as safetensors in the learner's folder."""
    card = datasets.entry(WEIGHTS)
    cache = own_folder(card) / f"{WEIGHTS}-{card.files[0].sha256[:8]}.safetensors"
    if not cache.is_file():
        dataset = datasets.load(WEIGHTS)
        if not dataset.genuine:
            raise ValueError(say("images.bad.weights", folder=dataset.folder))
        (path,) = dataset.paths.values()
        state = renamed(torch.load(path, map_location="cpu", weights_only=True))
        kept = {k: v.contiguous() for k, v in state.items() if not k.startswith("head.")}
        write(cache, save(kept))
    return load_file(cache)


def with_backbone(model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Give the model these weights, all but its head's."""
    head = {f"head.{name}": tensor for name, tensor in model.head.state_dict().items()}  # type: ignore[union-attr]
    model.load_state_dict({**weights, **head})


def keep(model: nn.Module, path: Path) -> None:
    """Write the model's weights as safetensors, whole or not at all."""
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    write(path, save(state))


def kept(settings: Settings, classes: int, path: Path) -> nn.Module:
    """The network whose weights `keep` wrote. FileNotFoundError where nothing was trained,
    ValueError where the file is another network's."""
    if not path.is_file():
        raise FileNotFoundError(say("projects.bad.untrained", folder=path.parent))
    model = network(settings, classes)
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:  # safetensors has an exception of its own for what is no such file
        reason = str(error).splitlines()[0]
        raise ValueError(say("images.bad.model", path=path, reason=reason)) from None
    return model


@torch.no_grad()
def applied(
    function: Callable[[torch.Tensor], torch.Tensor], pixels: np.ndarray, batch: int = 64
) -> np.ndarray:
    """function of the pictures (n, 3, size, size), bytes, in batches."""
    found = []
    for start in range(0, len(pixels), batch):
        x = torch.from_numpy(pixels[start : start + batch]).float() / 255
        found.append(function(normalised(x)).numpy())
    return np.concatenate(found)


def logits(model: nn.Module, pixels: np.ndarray, tta: bool = False) -> np.ndarray:
    """What the model says of the pictures, (n, classes); tta: asked both ways."""
    model = asked(model, tta).cpu().eval()
    return applied(model, pixels)


class BothWays(nn.Module):
    """A network that is asked twice, with the picture and with its mirror image: (n, 3, h, w) ->
    (n, classes), the mean of both answers' probabilities, as logarithms."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both: torch.Tensor = self.model(torch.cat([x, x.flip(3)])).unflatten(0, (2, -1))
        return both.log_softmax(2).logsumexp(0) - math.log(2)


def asked(model: nn.Module, tta: bool) -> nn.Module:
    """The network as it gives its answers: once, or both ways."""
    return BothWays(model) if tta else model
