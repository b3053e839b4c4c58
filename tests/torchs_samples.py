"""What PyTorch tests itself with (torch.testing._internal), as inputs for Gobhir.

PyTorch ships its own sample inputs and wrong inputs for each operator, layer and optimizer. They
need the package expecttest; a test that uses them is skipped where it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

import gobhir

pytest.importorskip("expecttest")
common = pytest.importorskip("torch.testing._internal.common_utils")
core = pytest.importorskip("torch.testing._internal.opinfo.core")
# For each sample it looks through the whole stack for a unittest, which takes longer than the rest.
common.extract_test_fn = core.extract_test_fn = lambda: None
# Importing it forbids everyone to set torch.backends' flags; other tests run programs that do.
torch.backends.flags_frozen.__globals__["__allow_nonbracketed_mutation_flag"] = True


class Unknown(Exception):
    """Something that Gobhir does not have on purpose: a sparse or complex tensor, a module."""


def to_gobhir(x: Any) -> Any:
    """x, with all of PyTorch's that is in it as Gobhir's: tensors (their strides and requires_grad
    kept), dtypes, devices, sizes, containers of them."""
    if isinstance(x, torch.Tensor):
        return _tensor(x)
    if isinstance(x, torch.dtype):
        if x.is_complex or x == torch.bfloat16:
            raise Unknown(x)
        return getattr(gobhir, str(x).removeprefix("torch."))
    if isinstance(x, torch.device):
        return str(x)
    if isinstance(x, torch.nn.Module):
        raise Unknown(type(x))
    if isinstance(x, torch.nn.utils.rnn.PackedSequence):
        return gobhir.nn.utils.rnn.PackedSequence(*map(to_gobhir, x))
    if isinstance(x, torch.Size):
        return tuple(x)
    if type(x) in (list, tuple):
        return type(x)(map(to_gobhir, x))
    if type(x) is dict:
        return {key: to_gobhir(value) for key, value in x.items()}
    if callable(x) and hasattr(torch.nn.functional, getattr(x, "__name__", "")):
        return getattr(gobhir.nn.functional, x.__name__)
    return x


def _tensor(x: torch.Tensor) -> Any:
    if x.layout != torch.strided or x.is_complex() or x.dtype == torch.bfloat16:
        raise Unknown(x.layout, x.dtype)
    out = gobhir.from_numpy(x.detach().numpy().copy(order="K"))
    if isinstance(x, torch.nn.Parameter):
        return gobhir.nn.Parameter(out, requires_grad=x.requires_grad)
    return out.requires_grad_() if x.requires_grad else out


def tensors(x: Any) -> Iterator[Any]:
    """All tensors in containers of any depth, in their order."""
    if isinstance(x, (torch.Tensor, gobhir.Tensor)):
        yield x
    elif isinstance(x, dict):
        for value in x.values():
            yield from tensors(value)
    elif isinstance(x, (list, tuple)):
        for value in x:
            yield from tensors(value)
