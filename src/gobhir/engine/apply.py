"""Running an op: arrays in, array out; Tensors in, Tensor out, with a Record of how it came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.dtypes import default_dtype, promoted
from gobhir.engine.op import Op
from gobhir.engine.tape import Record, state


def apply(op: type[Op], *inputs: Any, **settings: Any) -> Any:
    """The op's result. With a Tensor among the inputs the result is a Tensor; otherwise the
    forward computation runs on the arrays as they are (pullbacks use that)."""
    from gobhir.engine.tensor import Tensor

    wanted = False
    any_tensor = False
    if len(settings) < len(op.settings):
        settings = op.defaults | settings
    for x in inputs:
        if isinstance(x, Tensor):
            any_tensor = True
            wanted = wanted or x.requires_grad
    if not any_tensor:
        return op.forward(*inputs, **settings)
    arrays = [x.array if isinstance(x, Tensor) else x for x in inputs]
    if op.promotes:
        dtype = promoted(arrays)
        if op.floats and dtype.kind not in "fc":
            dtype = default_dtype()
        arrays = [np.asarray(a, dtype) if a is not None else a for a in arrays]
    elif op.floats and arrays[0].dtype.kind not in "fc":
        arrays[0] = arrays[0].astype(default_dtype())
    value = np.asarray(op.forward(*arrays, **settings))
    wanted = wanted and state.grad_enabled and value.dtype.kind in "fc" and bool(op.pullbacks)
    out = Tensor._wrap(value, wanted)
    if value.base is not None:
        _share_version(out, inputs)
    tape = state.tape
    if wanted or tape is not None:
        versions = tuple((x._version, x._version[0]) for x in inputs if isinstance(x, Tensor))
        versions += ((out._version, out._version[0]),)
        scope = () if tape is None else tape.scope
        out._record = record = Record(op, inputs, settings, value, versions, scope)
        if tape is not None:
            tape.record(record)
    return out


def _share_version(out: Any, inputs: tuple[Any, ...]) -> None:
    """A view shares memory with what it looks at: a change of the one changes the other."""
    for x in inputs:
        array = getattr(x, "array", None)
        if array is not None and (out.array.base is array or out.array.base is array.base):
            out._version = x._version


def function(op: type[Op], name: str | None = None) -> Callable[..., Any]:
    """The op as a function of Tensors (or arrays), with the op's own docstring."""

    def call(*inputs: Any, **settings: Any) -> Any:
        return apply(op, *inputs, **settings)

    call.__name__ = call.__qualname__ = name or op.name
    call.__doc__ = op.__doc__
    return call
