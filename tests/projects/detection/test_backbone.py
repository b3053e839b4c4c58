"""The two backbones: their maps, and what of ImageNet's weights stays and what learns."""

from __future__ import annotations

import pytest
import torch

from gobhir.projects.detection.backbone import Backbone, Pretrained, backbone
from gobhir.projects.detection.network import Network
from gobhir.projects.detection.optimizer import GENTLE, SHARE, grouped
from gobhir.projects.images.data import normalised
from gobhir.projects.images.network import with_backbone
from gobhir.projects.images.networks.efficientnet_lite import EfficientNetLite0


@pytest.fixture
def taught() -> dict[str, torch.Tensor]:
    """Weights that stand for ImageNet's."""
    torch.manual_seed(1)
    model = EfficientNetLite0(1)
    for name, tensor in model.state_dict().items():
        if "running_mean" in name:
            tensor.uniform_(-0.1, 0.1)
    return {k: v for k, v in model.state_dict().items() if not k.startswith("head.")}


@pytest.mark.parametrize(("name", "kind"), [("own", Backbone), ("efficientnet_lite0", Pretrained)])
def test_maps_are_at_strides_8_16_and_32(name, kind) -> None:
    with torch.device("meta"):
        model = backbone(name)
    assert isinstance(model, kind)
    with torch.no_grad(), torch.device("meta"):
        maps = model.eval()(torch.empty(2, 3, 64, 96))
    sides = [(8, 12), (4, 6), (2, 3)]
    assert [one.shape for one in maps] == [
        (2, width, *side) for width, side in zip(model.widths, sides, strict=True)
    ]


@pytest.mark.parametrize("classes", [1, 20])
@pytest.mark.parametrize("name", ["own", "efficientnet_lite0"])
def test_a_detector_has_less_than_a_million_parameters(name, classes) -> None:
    with torch.device("meta"):
        model = Network(classes, backbone(name))
    assert sum(p.numel() for p in model.parameters()) < 1e6


def test_it_sees_what_the_network_of_the_weights_sees(taught) -> None:
    whole = EfficientNetLite0(1)
    with_backbone(whole, taught)
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        fine, middle, _ = Pretrained(taught).eval()(x)
        seen = whole.eval().stem(normalised(x))
        for number, block in enumerate(whole.blocks[:11]):
            seen = block(seen)
            if number == 4:
                assert torch.allclose(fine, seen, atol=1e-6)
    assert torch.allclose(middle, seen, atol=1e-6)


def test_statistics_and_edges_stay_and_the_rest_learns_gently(taught) -> None:
    model = Network(1, Pretrained(taught)).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = grouped(model, 0.02, 0.05)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    model(torch.rand(2, 3, 64, 64)).square().mean().backward()
    optimizer.step()
    moved = {name for name, t in model.state_dict().items() if not torch.equal(t, before[name])}
    old = tuple(f"backbone.{part}." for part in ("begin", "fine", "middle"))
    names = {name for name, _ in model.named_parameters()}
    known = {name for name in names if name.startswith(old)}
    still = {name for name in known if name.startswith("backbone.begin.")}
    assert len(still) > 20 and not moved & still
    assert known - still <= moved and "backbone.coarse.0.0.0.weight" in moved
    assert not any("running" in name and name.startswith(old) for name in moved)
    assert "backbone.coarse.0.0.1.running_mean" in moved
    for name, parameter in model.named_parameters():
        rate = rates.get(id(parameter))
        if name in still:
            assert rate is None
        elif name in known:
            assert rate == pytest.approx(GENTLE * 0.02)
        else:
            assert rate in (0.02, pytest.approx(SHARE * 0.02))
