"""What a network costs: its parameters, and the multiply-adds of one picture, layer by layer.

A multiply-add is one product and its addition; papers call it FLOP, though it is two operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from gobhir.projects.images.networks.efficientnet_lite import EfficientNetLite0
from gobhir.projects.images.networks.mobilenet import MobileNetV2
from gobhir.projects.images.networks.resnet import ResNet
from gobhir.projects.images.networks.vgg import VGG16

NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "VGG-16": lambda classes: VGG16(classes),
    "ResNet-18": lambda classes: ResNet(18, classes),
    "ResNet-50": lambda classes: ResNet(50, classes),
    "MobileNetV2": lambda classes: MobileNetV2(classes),
    "EfficientNet-Lite0": lambda classes: EfficientNetLite0(classes),
}


@dataclass(frozen=True)
class Layer:
    """One layer for one picture. shape: of its output, without the batch."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def layers(model: nn.Module, size: int = 224) -> list[Layer]:
    """All layers with parameters, in the order in which a picture of size x size passes them.

    Only Conv2d and Linear multiply; BatchNorm's scaling can be folded into the convolution before
    it, and is counted by no paper. The model's weights and modes stay as they are.
    """
    found: list[Layer] = []

    def seen(name: str) -> Callable[..., None]:
        def note(module: nn.Module, given: Any, result: torch.Tensor) -> None:
            own = sum(p.numel() for p in module.parameters(recurse=False))
            shape = tuple(result.shape[1:])
            cost = _multiply_adds(module, result)
            found.append(Layer(name, type(module).__name__, shape, own, cost))

        return note

    twin = _on_meta(model)
    for name, module in twin.named_modules():
        if any(True for _ in module.parameters(recurse=False)):
            module.register_forward_hook(seen(name))
    with torch.no_grad():
        twin(torch.empty(1, 3, size, size, device="meta"))
    return found


def total(model: nn.Module, size: int = 224) -> tuple[int, int]:
    """(parameters, multiply-adds of one picture of size x size)."""
    every = layers(model, size)
    return sum(one.parameters for one in every), sum(one.multiply_adds for one in every)


def parts(model: nn.Module, size: int = 224) -> list[Layer]:
    """As `layers`, but what belongs to one block is one row."""
    found: dict[str, list[Layer]] = {}
    for one in layers(model, size):
        first, _, rest = one.name.partition(".")
        block = f"{first}.{rest.partition('.')[0]}" if first == "blocks" else first
        found.setdefault(block, []).append(one)
    kinds = dict(model.named_modules())
    return [
        Layer(
            name,
            type(kinds[name]).__name__,
            rows[-1].shape,
            sum(row.parameters for row in rows),
            sum(row.multiply_adds for row in rows),
        )
        for name, rows in found.items()
    ]


def _multiply_adds(module: nn.Module, result: torch.Tensor) -> int:
    """Each number of the output is a sum of as many products as the kernel has places."""
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        return result[0].numel() * (module.in_channels // module.groups) * height * width
    if isinstance(module, nn.Linear):
        return result[0].numel() * module.in_features
    return 0


def _on_meta(model: nn.Module) -> nn.Module:
    """The same network without numbers: nothing is computed, only shapes."""
    from copy import deepcopy

    there = {id(p): p for p in [*model.parameters(), *model.buffers()]}
    # Numbers are not copied, only replaced by what has a shape alone.
    empty: dict[int, Any] = {
        key: nn.Parameter(p.to("meta")) if isinstance(p, nn.Parameter) else p.to("meta")
        for key, p in there.items()
    }
    twin = deepcopy(model, empty).eval()
    return twin
