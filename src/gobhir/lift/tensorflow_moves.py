"""Ops of TensorFlow's that only move numbers, into other shapes and another order, by the engine's
functions; tensorflow_ops.py says how an entry is written."""

from __future__ import annotations

from typing import Any

import numpy as np

import gobhir
from gobhir.lift.tensorflow_ops import entry, refuse
from gobhir.nn import functional as F


@entry("Reshape", settings=(1,))
def _reshape(x: Any, shape: Any, **_: Any) -> Any:
    return x.reshape(tuple(shape.tolist()))


@entry("Transpose", settings=(1,))
def _transpose(x: Any, order: Any, **_: Any) -> Any:
    return x.permute(tuple(order.tolist()))


@entry("ExpandDims", settings=(1,))
def _expand_dims(x: Any, axis: Any, **_: Any) -> Any:
    return x.unsqueeze(int(np.ravel(axis)[0]))


@entry("Squeeze")
def _squeeze(x: Any, squeeze_dims: Any = None, **_: Any) -> Any:
    return x.squeeze(tuple(squeeze_dims)) if squeeze_dims else x.squeeze()


@entry("BroadcastTo", settings=(1,))
def _broadcast_to(x: Any, shape: Any, **_: Any) -> Any:
    return gobhir.broadcast_to(x, tuple(shape.tolist()))


@entry("Tile", settings=(1,))
def _tile(x: Any, times: Any, **_: Any) -> Any:
    return gobhir.tile(x, tuple(times.tolist()))


@entry("Pad", settings=(1,))
def _pad(x: Any, sides: Any, **_: Any) -> Any:
    return F.pad(x, tuple(sides[::-1].ravel().tolist()))


@entry("PadV2", settings=(1, 2))
def _pad_v2(x: Any, sides: Any, value: Any, **_: Any) -> Any:
    return F.pad(x, tuple(sides[::-1].ravel().tolist()), value=float(value))


@entry("ConcatV2", settings=(-1,))
def _concat(*given: Any, **_: Any) -> Any:
    *xs, axis = given
    return gobhir.cat(xs, int(axis))


@entry("Pack")
def _pack(*xs: Any, axis: int, **_: Any) -> Any:
    return gobhir.stack(xs, axis)


@entry("Unpack")
def _unpack(x: Any, axis: int, **_: Any) -> Any:
    return gobhir.unbind(x, axis)


@entry("Split", settings=(0,))
def _split(axis: Any, x: Any, num_split: int, **_: Any) -> Any:
    return gobhir.chunk(x, num_split, int(axis))


@entry("SplitV", settings=(1, 2))
def _split_v(x: Any, sizes: Any, axis: Any, **_: Any) -> Any:
    refuse(bool((sizes < 0).any()))
    return gobhir.split(x, sizes.tolist(), int(axis))


@entry("ReverseV2", settings=(1,))
def _reverse(x: Any, axis: Any, **_: Any) -> Any:
    return gobhir.flip(x, tuple(axis.tolist()))


@entry("GatherV2", settings=(2,))
def _gather(x: Any, index: Any, axis: Any, batch_dims: int = 0, **_: Any) -> Any:
    refuse(batch_dims != 0)
    if int(axis) == 0 and x.dim() == 2:
        return F.embedding(index.long(), x)
    return x[(slice(None),) * (int(axis) % x.dim()) + (index.long(),)]


@entry("ResourceGather")
def _resource_gather(x: Any, index: Any, batch_dims: int = 0, **_: Any) -> Any:
    refuse(batch_dims != 0 or x.dim() != 2)
    return F.embedding(index.long(), x)


@entry("StridedSlice", settings=(1, 2, 3))
def _strided_slice(
    x: Any, begin: Any, end: Any, strides: Any, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0, **_: Any,
) -> Any:  # fmt: skip
    index: list[Any] = []
    for k, (low, high, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << k
        if ellipsis_mask & bit:
            index.append(Ellipsis)
        elif new_axis_mask & bit:
            index.append(None)
        elif shrink_axis_mask & bit:
            index.append(int(low))
        else:
            refuse(step < 0)
            first = None if begin_mask & bit else int(low)
            index.append(slice(first, None if end_mask & bit else int(high), int(step)))
    return x[tuple(index)]


@entry("OneHot", settings=(1,))
def _one_hot(index: Any, depth: Any, on: Any, off: Any, axis: int = -1, **_: Any) -> Any:
    refuse(axis != -1)
    hot = F.one_hot(index.long(), int(depth)).to(on.dtype)
    return hot * (on - off) + off
