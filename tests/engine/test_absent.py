"""What is left out on purpose says so, however it is asked for; other paths are found."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

import gobhir
from gobhir.engine.absent import _INSTEAD, _WHY
from gobhir.lang import LANGUAGES


@pytest.mark.parametrize("path", [*_WHY, *_INSTEAD])
def test_each_says_why(path: str) -> None:
    home, _, name = path.rpartition(".")
    try:
        place: Any = importlib.import_module(f"gobhir.{home}") if home else gobhir
    except ModuleNotFoundError:
        place = gobhir.Tensor if home == "Tensor" else None
    if place is None:  # left out together with all that is in it
        assert home == "func" or home.startswith("nn.")
        return
    assert not hasattr(place, name) and getattr(place, name, 7) == 7
    with pytest.raises(AttributeError) as refusal:
        getattr(place, name)
    said = refusal.value.args[0]
    assert all(f"gobhir.{path}" in said.text(lang) for lang in LANGUAGES)


@pytest.mark.parametrize("path", ["fft", "utils.tensorboard", "distributed", "nn.quantized"])
def test_importing_says_it_too(path: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=f"gobhir.{path}"):
        importlib.import_module(f"gobhir.{path}")


def test_from_import_and_unknown_names() -> None:
    with pytest.raises(ImportError, match="numpy.fft"):
        from gobhir import fft  # noqa: F401
    with pytest.raises(ImportError, match=r"gobhir\.training\.plots"):
        from gobhir.utils.tensorboard import SummaryWriter  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match="No module named 'gobhir.nothing'"):
        importlib.import_module("gobhir.nothing")
    for place in (gobhir, gobhir.nn, gobhir.optim, gobhir.utils, gobhir.nn.utils):
        with pytest.raises(AttributeError, match="has no attribute 'Linaer'"):
            _ = place.Linaer
    x = gobhir.ones(2)
    assert not hasattr(x, "to_sparse") and not hasattr(x, "nothing")


def test_a_backend_imported_like_a_module() -> None:
    import gobhir.backends.cudnn as cudnn

    cudnn.benchmark = True
    assert cudnn is gobhir.backends.cudnn and gobhir.backends.cudnn.benchmark
    cudnn.benchmark = False


def test_questions_about_graphics_cards() -> None:
    """The same answers as from PyTorch without a graphics card."""
    for t in (gobhir, torch):
        assert not t.cuda.is_available() and t.cuda.device_count() == 0
        assert not t.cuda.is_bf16_supported() and not t.cuda.is_initialized()
        assert t.cuda.memory_allocated() == 0 and t.cuda.get_arch_list() == []
        assert not t.mps.is_available() and not t.xpu.is_available()
        assert not t.backends.mps.is_available() and t.backends.cudnn.version() is None
        assert t.version.cuda is None and t.version.hip is None
        t.cuda.manual_seed(3)
        t.mps.manual_seed(3)
        with pytest.raises((AttributeError, AssertionError)):
            t.cuda.get_device_name(0)
    with pytest.raises(AttributeError, match="is_available"):
        gobhir.cuda.get_device_name(0)
    assert str(gobhir.device("cuda")) == "cuda"
    with pytest.raises(RuntimeError, match="CPU"):
        gobhir.ones(2, device="cuda")


def test_the_places_of_layers() -> None:
    for path, theirs in {**vars(torch.nn.modules)}.items():
        module = getattr(gobhir.nn.modules, path, None)
        if type(theirs) is not type(torch) or module is None:
            continue
        again = importlib.import_module(f"gobhir.nn.modules.{path}")
        assert again is module
        for name in getattr(theirs, "__all__", ()):
            if hasattr(gobhir.nn, name):
                assert getattr(module, name) is getattr(gobhir.nn, name), (path, name)
    from gobhir.nn.modules.batchnorm import _BatchNorm
    from gobhir.nn.modules.conv import _ConvNd
    from gobhir.nn.modules.loss import _Loss, _WeightedLoss
    from gobhir.nn.modules.utils import _ntuple, _pair, _triple

    from gobhir.nn.modules import Linear, Module

    assert Linear is gobhir.nn.Linear and issubclass(Linear, Module)
    assert isinstance(gobhir.nn.BatchNorm2d(2), _BatchNorm)
    assert isinstance(gobhir.nn.Conv1d(1, 1, 1), _ConvNd)
    assert issubclass(gobhir.nn.MSELoss, _Loss) and issubclass(gobhir.nn.NLLLoss, _WeightedLoss)
    assert _pair(3) == (3, 3) and _triple([1, 2, 3]) == (1, 2, 3) and _ntuple(4)(0) == (0,) * 4


@pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
def test_names_that_copied_programs_use(t: Any) -> None:
    clones = importlib.import_module(f"{t.__name__}.nn.modules.transformer")._get_clones
    layers = clones(t.nn.Linear(2, 3), 2)
    assert len(layers) == 2 and layers[0].weight is not layers[1].weight
    t.testing.assert_close(layers[0].weight, layers[1].weight)
    collate = importlib.import_module(f"{t.__name__}.utils.data._utils.collate").default_collate
    assert collate([1, 2]).tolist() == [1, 2]
    assert importlib.import_module(f"{t.__name__}.autograd.grad_mode").no_grad is t.no_grad
    hooks = importlib.import_module(f"{t.__name__}.utils.hooks")
    assert isinstance(t.nn.ReLU().register_forward_hook(print), hooks.RemovableHandle)

    class Layer(t.nn.Module):
        def _get_name(self) -> str:
            return "Mine"

    assert repr(Layer()) == "Mine()" and t.nn.ReLU()._get_name() == "ReLU"


def test_the_places_of_distributions() -> None:
    for name in gobhir.distributions.__all__:
        kind = getattr(torch.distributions, name)
        path = getattr(kind, "__module__", "").removeprefix("torch.distributions.")
        if isinstance(kind, type) and hasattr(gobhir.distributions, path):
            home = importlib.import_module(f"gobhir.distributions.{path}")
            assert getattr(home, name) is getattr(gobhir.distributions, name), (path, name)
    from gobhir.distributions.bernoulli import Bernoulli
    from gobhir.distributions.studentT import StudentT

    assert Bernoulli is gobhir.distributions.Bernoulli
    assert StudentT is gobhir.distributions.StudentT
