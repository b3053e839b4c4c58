"""Gobhir beside PyTorch on the samples that PyTorch tests its own operators with: as function, as
method and in place; values, dtypes, shapes, first derivatives, and what is refused.

The list is torch.testing's `op_db`. What Gobhir leaves out (complex numbers, sparse tensors, ...)
is left out here as well; the layers' functions are compared in tests/nn.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from operator import attrgetter
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_map_only

import gobhir
from tests.engine.parity import numbers, same
from tests.torchs_samples import Unknown, tensors, to_gobhir

SAMPLES = 3
"""How many of an operator's samples are tried for each dtype, evenly chosen."""
ELSEWHERE = ("nn.functional.", "fft.", "masked.", "sparse.", "jiterator", "_", "torch.", "native_")
DIFFERENT = {
    "as_strided": "strides of the memory that a tensor was cut from are not kept",
    "bernoulli": "drawn numbers have no gradient here, in PyTorch it is 0",
    "frexp": "the mantissa has no gradient here",
    "linalg.eig": "complex numbers",
    "linalg.eigvals": "complex numbers",
    "nextafter": "it has no gradient in PyTorch either, but says so later",
    "normal": "drawn numbers have no gradient here, in PyTorch it is 0",
    "polygamma": "infinite at its poles; PyTorch gives large numbers",
    "special.polygamma": "infinite at its poles; PyTorch gives large numbers",
    "svd_lowrank": "exact here, in PyTorch nearly so",
}
UNORDERED = {"sort", "argsort", "topk", "kthvalue", "mode", "median", "nanmedian"}
"""Of equal numbers PyTorch takes any: only the values are compared."""


def known(name: str, root: Any) -> Any:
    try:
        return attrgetter(name)(root)
    except AttributeError:
        return None


def counterpart(f: Any, name: str, root: Any) -> Any:
    """Gobhir's function for PyTorch's f; what torch.testing wrote around one is run with Gobhir."""
    if not isinstance(f, types.FunctionType) or not f.__module__.startswith("torch.testing"):
        return known(name, root)

    def seeded(op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        gobhir.manual_seed(42)
        return op(*args, **kwargs)

    names = {**f.__globals__, "torch": gobhir, "wrapper_set_seed": seeded}
    return types.FunctionType(f.__code__, names, name, f.__defaults__, f.__closure__)


def variants(op: Any) -> Iterator[tuple[str, Any, Any]]:
    """(what, Gobhir's, PyTorch's) for each way in which the operator can be called."""
    yield "function", counterpart(op.op, op.name, gobhir), op.op
    for what, f in (("method", op.method_variant), ("in place", op.inplace_variant)):
        if f is not None:
            yield what, counterpart(f, getattr(f, "__name__", op.name), gobhir.Tensor), f


def operators() -> Iterator[Any]:
    from torch.testing._internal.common_methods_invocations import op_db

    for op in op_db:
        if op.name.startswith(ELSEWHERE) or op.name.endswith("_copy") or op.name in DIFFERENT:
            continue
        if known(op.name, gobhir) or known(op.name, gobhir.Tensor):
            yield op


def some(samples: Any) -> list[Any]:
    every = list(islice(samples, 50))
    places = np.linspace(0, len(every) - 1, min(SAMPLES, len(every)))
    return [every[i] for i in np.unique(places.astype(int))]


def untouched(x: Any) -> Any:
    """x with copies of its tensors."""
    return tree_map_only(
        torch.Tensor, lambda t: t.detach().clone().requires_grad_(t.requires_grad), x
    )


def result(convert: Any, f: Any, sample: Any, in_place: bool = False) -> tuple[Any, list[Any]]:
    """What f makes of the sample, or the exception that it raises; and the sample's tensors that
    want gradients."""
    whole = [sample.input, list(sample.args), dict(sample.kwargs)]
    first, args, kwargs = convert(untouched(whole))
    leaves = [t for t in tensors([first, args, kwargs]) if t.requires_grad]
    if in_place and first.requires_grad:
        first = first.clone()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(first, *args, **kwargs), leaves
    except Exception as refusal:
        return refusal, leaves


def compare(op: Any, what: str, mine: Any, f: Any, sample: Any) -> None:
    want, leaves_t = result(lambda x: x, f, sample, what == "in place")
    got, leaves = result(to_gobhir, mine, sample, what == "in place")
    if isinstance(want, Exception):
        return  # that both refuse is tested with the samples made for it
    assert not isinstance(got, Exception), repr(got)
    process = sample.output_process_fn_grad
    with suppress(Exception):  # it is written for PyTorch's tensors; most often it changes nothing
        got, want = process(got), process(want)
    pairs = list(zip(tensors(got), tensors(want), strict=True))
    if op.name in UNORDERED:
        pairs = [p for p in pairs if p[1].dtype.is_floating_point]
    for a, b in pairs:
        if b.is_complex():
            raise Unknown(b.dtype)
        if "empty" in op.name:
            assert a.shape == b.shape and str(a.dtype) == str(b.dtype)[6:]
        else:
            same(a, b, 1e-4 if b.dtype == torch.float32 else 1e-8)
        assert a.requires_grad == b.requires_grad
    weighed = [(a, b) for a, b in pairs if b.requires_grad]
    if not leaves_t or not weighed:
        return
    total, total_t = 0, 0
    for k, (a, b) in enumerate(weighed):
        c = numbers(k + 1, b.shape)
        total, total_t = total + (a * gobhir.tensor(c)).sum(), total_t + (b * torch.tensor(c)).sum()
    try:
        grads_t = torch.autograd.grad(total_t, leaves_t, allow_unused=True)
    except RuntimeError:
        return  # PyTorch has no derivative for some functions in place
    grads = gobhir.autograd.grad(total, leaves, allow_unused=True)
    for g, g_t in zip(grads, grads_t, strict=True):
        same(g, g_t, 1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "int32", "bool"])
def test_samples(dtype: str) -> None:
    found = []
    kind = getattr(torch, dtype)
    count = 0
    for op in operators():
        if kind not in op.supported_dtypes("cpu"):
            continue
        grad = dtype == "float64" and op.supports_autograd
        for sample in some(op.sample_inputs("cpu", kind, requires_grad=grad)):
            for what, mine, f in variants(op):
                if what != "function" and not isinstance(sample.input, torch.Tensor):
                    continue
                if what == "in place" and sample.broadcasts_input:
                    continue
                try:
                    compare(op, what, mine, f, sample)
                    count += 1
                except Unknown:
                    pass
                except Exception as error:
                    found.append(f"{op.name} {op.variant_test_name} {what} {sample}: {error!r}")
    assert not found, f"{len(found)} beside {count}:\n" + "\n".join(f[:400] for f in found)
    assert count > 1000


@pytest.mark.slow
def test_refusals() -> None:
    """What PyTorch refuses is refused with the same kind of error."""
    found = []
    count = 0
    for op in operators():
        if op.error_inputs_func is None:
            continue
        for refused in op.error_inputs("cpu"):
            sample = refused.sample_input
            if "out" in sample.kwargs or sample.kwargs.get("layout") == torch.sparse_coo:
                continue  # PyTorch minds which memory out= is; here the result is the same
            want = result(lambda x: x, op.op, sample)[0]
            try:
                got = result(to_gobhir, counterpart(op.op, op.name, gobhir), sample)[0]
            except (Unknown, TypeError, ValueError):
                continue  # tensors elsewhere than on the CPU, or of more dimensions than NumPy's
            if isinstance(want, Exception):
                count += 1
                if not isinstance(got, type(want)):
                    found.append(f"{op.name} {sample}: {got!r}, not {want!r}")
    assert not found, f"{len(found)} of {count}:\n" + "\n".join(f[:400] for f in found)
    assert count > 300
