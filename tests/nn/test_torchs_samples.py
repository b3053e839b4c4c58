"""Functions and layers on the inputs with which PyTorch tests its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import gobhir
from tests.engine.parity import same
from tests.torchs_samples import Unknown, tensors, to_gobhir

methods = pytest.importorskip("torch.testing._internal.common_methods_invocations")
modules = pytest.importorskip("torch.testing._internal.common_modules")

SAMPLES = 4
"""How many inputs of each kind are tried: PyTorch has up to 300."""
ONLY_FOR_OTHER_DTYPES = {"grouped_mm", "scaled_grouped_mm", "scaled_mm"}
"""bfloat16 or 8 bits, which Gobhir does not have."""
DRAWN = {"alpha_dropout", "dropout", "dropout2d", "dropout3d", "feature_alpha_dropout"}
DRAWN |= {"fractional_max_pool2d", "fractional_max_pool3d", "rrelu"}
"""What draws its numbers otherwise than PyTorch, or whose samples set a seed of their own: only
shapes are compared."""
ONCE = {"ctc_loss", "CTCLoss"}
"""Without a second derivative, here and there."""
FUNCTIONS = {
    f"{op.name.removeprefix('nn.functional.')} {op.variant_test_name}".strip(): op
    for op in methods.op_db
    if op.name.startswith("nn.functional.") and op.supports_dtype(torch.float64, "cpu")
}
LAYERS = {info.module_cls.__name__: info for info in modules.module_db}


@pytest.fixture(autouse=True)
def slow_paths() -> Iterator[None]:
    """PyTorch's attention in a way that has second derivatives."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    with sdpa_kernel(SDPBackend.MATH):
        yield
    torch.backends.mha.set_fastpath_enabled(fast)


def seed(number: int) -> None:
    torch.manual_seed(number)
    gobhir.manual_seed(number)


def function(name: str) -> Any:
    found = getattr(gobhir.nn.functional, name.split()[0])
    if name.split()[0] in ("embedding", "embedding_bag"):  # PyTorch's samples have weight first
        return lambda weight, input, **options: found(input, weight, **options)
    return found


def compare(mine: Any, theirs: Any, leaves: Any, leaves_t: Any, second: bool, drawn: bool) -> None:
    """Results, gradients for random cotangents, and gradients of these."""
    out, want = list(tensors(mine)), list(tensors(theirs))
    assert len(out) == len(want)
    for a, b in zip(out, want, strict=True):
        assert a.requires_grad == b.requires_grad
        if drawn:
            assert (a.shape, a.numpy(force=True).dtype) == (b.shape, b.numpy(force=True).dtype)
        else:
            same(a, b, 1e-9)
    if drawn:
        return
    for order in (1, 2):
        pairs = [(a, b) for a, b in zip(out, want, strict=True) if b is not None]
        pairs = [(a, b) for a, b in pairs if a is not None and a.requires_grad and b.requires_grad]
        if not pairs or not leaves_t:
            return
        cotangents = [torch.randn_like(b) for _, b in pairs]
        further = {"create_graph": second and order == 1, "allow_unused": True}
        mine, theirs = zip(*pairs, strict=True)
        want = torch.autograd.grad(theirs, leaves_t, cotangents, **further)
        out = gobhir.autograd.grad(mine, leaves, to_gobhir(cotangents), **further)
        for a, b in zip(out, want, strict=True):
            same(a, b, 1e-7 if order == 1 else 1e-6)
        if not second:
            return


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - ONLY_FOR_OTHER_DTYPES))
def test_functions(name: str) -> None:
    op = FUNCTIONS[name]
    seed(0)
    samples = op.sample_inputs("cpu", torch.float64, requires_grad=op.supports_autograd)
    for sample in islice(samples, SAMPLES):
        given = ([sample.input, *sample.args], sample.kwargs)
        try:
            args, kwargs = to_gobhir(given)
        except Unknown:
            continue
        seed(1)
        theirs = op.op(*given[0], **given[1])
        mine = function(name)(*args, **kwargs)
        leaves, leaves_t = (
            [t for t in tensors(g) if t.requires_grad] for g in ((args, kwargs), given)
        )
        drawn = name.split()[0] in DRAWN or "dropout_p" in kwargs and kwargs["dropout_p"] > 0
        drawn = drawn or name == "multi_head_attention_forward" and args[10] > 0
        compare(mine, theirs, leaves, leaves_t, op.supports_gradgrad and name not in ONCE, drawn)


@pytest.mark.parametrize("name", [n for n, op in FUNCTIONS.items() if op.error_inputs_func])
def test_what_functions_refuse(name: str) -> None:
    for wrong in FUNCTIONS[name].error_inputs("cpu"):
        sample = wrong.sample_input
        try:
            args, kwargs = to_gobhir(([sample.input, *sample.args], sample.kwargs))
        except Unknown:
            continue
        with pytest.raises(wrong.error_type):
            function(name)(*args, **kwargs)


def made(name: str, info: Any, given: Any) -> Any:
    args, kwargs = to_gobhir((list(given.args), given.kwargs))
    found = getattr(gobhir.nn, name, None) or getattr(gobhir.nn.attention, name)
    return found(*args, **kwargs)


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, training: bool) -> None:
    info = LAYERS[name]
    settings = {"device": "cpu", "dtype": torch.float64, "requires_grad": True}
    inputs = info.module_inputs_func(info, training=training, **settings)
    for sample in inputs[:SAMPLES]:
        given, call = sample.constructor_input, sample.forward_input
        try:
            mine = made(name, info, given).double().train(training)
            args, kwargs = to_gobhir((list(call.args), call.kwargs))
        except Unknown:
            continue
        theirs = info.module_cls(*given.args, **given.kwargs).double().train(training)
        assert repr(mine) == repr(theirs)
        assert list(mine.state_dict()) == list(theirs.state_dict())
        lazy = name.startswith("Lazy")
        if not lazy:
            mine.load_state_dict(theirs.state_dict())
        seed(1)
        want = theirs(*call.args, **call.kwargs)
        out = mine(*args, **kwargs)
        for key, value in theirs.state_dict().items():
            same(mine.state_dict()[key], value, 1e-9)
        leaves = [t for t in tensors((args, kwargs)) if t.requires_grad] + [*mine.parameters()]
        leaves_t = [t for t in tensors((call.args, call.kwargs)) if t.requires_grad]
        leaves_t += [*theirs.parameters()]
        alone = len({*map(id, tensors(call.args))}) == len([*tensors(call.args)])
        dropped = training and getattr(theirs, "dropout", 0) not in (0, None)
        compare(out, want, leaves, leaves_t if alone else [], name not in ONCE, bool(dropped))


@pytest.mark.parametrize("name", [n for n, i in LAYERS.items() if i.module_error_inputs_func])
def test_what_layers_refuse(name: str) -> None:
    info = LAYERS[name]
    settings = {"device": "cpu", "dtype": torch.float32, "requires_grad": False}
    for wrong in info.module_error_inputs_func(info, training=True, **settings):
        sample = wrong.module_error_input
        with pytest.raises(wrong.error_type):
            layer = made(name, info, sample.constructor_input)
            args, kwargs = to_gobhir((list(sample.forward_input.args), sample.forward_input.kwargs))
            layer(*args, **kwargs)
