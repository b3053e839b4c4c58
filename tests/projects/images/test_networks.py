"""The networks against what is published of them; what they cost against PyTorch's own count."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from gobhir.projects.images.count import NETWORKS, layers, parts, total
from gobhir.projects.images.networks.efficientnet_lite import EfficientNetLite0, Same, renamed
from gobhir.projects.images.networks.mobilenet import MobileNetV2, eights
from gobhir.projects.images.networks.resnet import ResNet

# Parameters as their authors and torchvision state them.
PUBLISHED = {
    "VGG-16": 138_357_544,
    "ResNet-18": 11_689_512,
    "ResNet-50": 25_557_032,
    "MobileNetV2": 3_504_872,
    "EfficientNet-Lite0": 4_652_008,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_multiply_adds(name) -> None:
    with torch.device("meta"):
        model = NETWORKS[name](1000).eval()
    parameters, multiply_adds = total(model)
    assert parameters == PUBLISHED[name] == sum(p.numel() for p in model.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, 3, 224, 224, device="meta"))
    assert counter.get_total_flops() == 2 * multiply_adds
    rows = parts(model)
    assert sum(row.parameters for row in rows) == parameters
    assert sum(row.multiply_adds for row in rows) == multiply_adds


def test_half_the_size_costs_a_quarter_and_leaves_the_model_alone() -> None:
    model = ResNet(18, classes=5)
    before = {name: p.clone() for name, p in model.state_dict().items()}
    whole, half = total(model, 256)[1], total(model, 128)[1]
    assert (whole - 512 * 5) == 4 * (half - 512 * 5)
    assert model.training and not any(m._forward_hooks for m in model.modules())
    assert all(torch.equal(p, before[name]) for name, p in model.state_dict().items())
    assert layers(model, 64)[-1].shape == (5,)


@pytest.mark.parametrize("name", PUBLISHED)
def test_shapes_for_other_sizes_and_classes(name) -> None:
    with torch.device("meta"):
        model = NETWORKS[name](7).eval()
    with torch.no_grad():
        x = torch.empty(2, 3, 96, 160, device="meta")
        assert model(x).shape == (2, 7)
        assert model.features(x).shape == (2, model.head.in_features)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (9, 3, 2), (8, 5, 2), (7, 5, 1)])
def test_padding_is_tensorflows(size, kernel, stride) -> None:
    """By https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2"""
    layer = Same(1, 1, kernel, stride)
    x = torch.randn(1, 1, size, size)
    missing = max(kernel - (stride if size % stride == 0 else size % stride), 0)
    a, b = missing // 2, missing - missing // 2
    with torch.no_grad():
        got = layer(x)
        want = F.conv2d(F.pad(x, (a, b, a, b)), layer.weight, layer.bias, stride)
    assert got.shape[-1] == -(-size // stride) and torch.allclose(got, want)


def test_in_16_bits_each_channel_by_itself_learns_from_the_same_gradient() -> None:
    torch.manual_seed(0)
    layer, x = Same(4, 4, 5, 2, groups=4, bias=False), torch.randn(2, 4, 9, 9)
    grads = []
    for short in (False, True):
        own = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            out = layer(own.bfloat16() if short else own)
        assert out.dtype == (torch.bfloat16 if short else torch.float32)
        layer.zero_grad()
        out.float().square().sum().backward()
        grads.append((own.grad.clone(), layer.weight.grad.clone()))
    for one, other in zip(*grads, strict=True):
        assert torch.allclose(one, other, atol=0.05 * float(one.abs().max()))


def published_names(model) -> dict[str, torch.Tensor]:
    """Our weights under the names of the published file, told apart by their order alone."""
    found = {}
    for name, tensor in model.state_dict().items():
        parts = name.split(".")
        what = parts[-1]
        if parts[0] == "stem":
            layer = "_conv_stem" if parts[2] == "0" else "_bn0"
        elif parts[0] == "last":
            layer = "_conv_head" if parts[2] == "0" else "_bn1"
        elif parts[0] == "head":
            layer = "_fc"
        else:
            convs = {"expand": "_expand_conv", "depthwise": "_depthwise_conv"}
            norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
            kinds = {**convs, "project": "_project_conv"} if parts[3] == "0" else norms
            layer = f"_blocks.{parts[1]}.{kinds[parts[2]]}"
        found[f"{layer}.{what}"] = tensor
    return found


def test_published_names_become_ours() -> None:
    model = EfficientNetLite0(3)
    theirs = published_names(model)
    assert len(theirs) == len(model.state_dict())
    twin = EfficientNetLite0(3)
    twin.load_state_dict(renamed(theirs))
    assert all(
        torch.equal(a, b) for a, b in zip(twin.parameters(), model.parameters(), strict=True)
    )
    with pytest.raises(KeyError, match="_stranger"):
        renamed({"_stranger.weight": torch.zeros(1)})


def test_a_narrow_mobilenet() -> None:
    assert [eights(n) for n in (4, 11, 12, 19, 24 * 0.25)] == [8, 16, 16, 24, 8]
    model = MobileNetV2(2, width=0.25).eval()
    assert sum(p.numel() for p in model.parameters()) < 400_000
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 2)
