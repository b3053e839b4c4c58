"""Tensors made by the name of their type: `LongTensor([1, 2])`, as older programs do."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import dtypes
from gobhir.engine.arrays import first_array
from gobhir.engine.functions.publish import FUNCTIONS, function
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

NAMES: dict[np.dtype, str] = {
    dtypes.float32: "FloatTensor",
    dtypes.float64: "DoubleTensor",
    dtypes.float16: "HalfTensor",
    dtypes.int64: "LongTensor",
    dtypes.int32: "IntTensor",
    dtypes.int16: "ShortTensor",
    dtypes.int8: "CharTensor",
    dtypes.uint8: "ByteTensor",
    dtypes.bool: "BoolTensor",
}


class _Typed(type):
    """`LongTensor([1, 2])` makes a Tensor of a dtype; `isinstance(x, LongTensor)` asks for it."""

    dtype: np.dtype

    def __call__(cls, *data: Any) -> Tensor:
        first = data[0] if len(data) == 1 else None
        if isinstance(first, Tensor) and first.array.dtype != cls.dtype:
            name, dtype = cls.__name__, first.array.dtype
            raise TypeError(say("errors.tensor.typed", name=name, want=cls.dtype, got=dtype))
        return Tensor._wrap(first_array(data, cls.dtype))

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and x.array.dtype == cls.dtype


for _kind, _name in NAMES.items():
    _doc = f"A Tensor of dtype {_kind} from numbers or from sizes."
    FUNCTIONS[_name] = _Typed(_name, (), {"dtype": _kind, "__doc__": _doc})


@function
def set_default_tensor_type(t: Any) -> None:
    """The floating type of new tensors, by the name of its tensors: `gobhir.DoubleTensor` or
    "gobhir.DoubleTensor". Older programs write it; set_default_dtype says the same. TypeError for
    what is no type of floating tensors on the CPU."""
    found = FUNCTIONS.get(t.rpartition(".")[2]) if isinstance(t, str) and "cuda" not in t else t
    if not isinstance(found, _Typed):
        raise TypeError(say("errors.dtype.tensor_type", type=t))
    dtypes.set_default_dtype(found.dtype)
