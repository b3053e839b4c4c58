"""Weights, and where it pays activations too, as whole numbers of 8 bits instead of 32-bit floats.

q = round(x / scale) + zero: a quarter of the bytes, and products of small whole numbers. Dynamic
quantisation finds each activation's scale anew in every run; static quantisation knows it from
calibration examples, and can so quantise convolutions too. Done by onnxruntime; what it costs and
brings, compare.py measures.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.deploy.opening import Slot, fitted, opened, quiet, slots
from gobhir.lang import say
from gobhir.serialization import not_written, replace

DYNAMIC = ["MatMul", "Gemm", "Attention", "LSTM"]
"""What is quantised without calibration: onnxruntime's convolution of whole numbers is slower than
the one of floats."""


def quantise(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    calibration: Any = None,
    *,
    batch: int = 32,
    per_channel: bool = True,
    leave: tuple[str, ...] = (),
) -> Path:
    """Write the ONNX model `source` with 8-bit weights to `target`; gives the target's path.

    calibration: None for dynamic quantisation; for static, examples as they go into the model: an
    array (N, ...), or a tuple of them, one for each input. A few hundred that stand for all
    are enough; none of those that the model is tested on. per_channel: a scale for each output
    channel. leave: names of nodes that stay as they are. The file keeps its description.

    ValueError for a source that is no ONNX model, where nothing in it can be quantised, and for
    examples that do not fit its inputs; no file is left then.
    """
    import onnx
    from onnxruntime import quantization as q

    source, target = Path(source), Path(target)
    if target.suffix != ".onnx":
        raise ValueError(say("deploy.export.suffix", path=target))
    before, runs = opened(source)
    wanted = slots(runs.get_inputs())
    options: dict[str, Any] = {
        "weight_type": q.QuantType.QInt8,
        "per_channel": per_channel,
        "nodes_to_exclude": list(leave),
    }
    with tempfile.TemporaryDirectory(prefix="gobhir-") as folder, quiet():
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "small.onnx"
        # By its path: a model in memory it moves into a file of its own, which is gone afterwards.
        q.shape_inference.quant_pre_process(str(source), str(plain), skip_symbolic_shape=True)
        if calibration is None:
            q.quantize_dynamic(plain, small, op_types_to_quantize=DYNAMIC, **options)
        else:
            arrays = calibration if isinstance(calibration, (tuple, list)) else (calibration,)
            reader = _reader(source, wanted, arrays, batch, q.CalibrationDataReader)
            q.quantize_static(
                plain,
                small,
                reader,
                quant_format=q.QuantFormat.QDQ,
                activation_type=q.QuantType.QUInt8,
                **options,
            )
        after = onnx.load(small)
    kinds = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    if not any(w.data_type in kinds and w.dims for w in after.graph.initializer):
        raise ValueError(say("deploy.quantise.nothing", path=source))
    del after.metadata_props[:]
    after.metadata_props.extend(before.metadata_props)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as trouble:
        raise not_written(target, trouble) from None
    replace(target, after.SerializeToString())
    return target


def _reader(path: Path, wanted: Sequence[Slot], given: Any, batch: int, base: Any) -> Any:
    """The examples in batches, as onnxruntime's calibration wants them."""
    arrays = fitted(path, wanted, given)
    count = len(arrays[0])
    if not count or any(len(array) != count for array in arrays):
        shapes = [array.shape for array in arrays]
        raise ValueError(say("deploy.quantise.examples", shapes=shapes))

    def batches() -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, count, batch):
            pairs = zip(wanted, arrays, strict=True)
            yield {slot.name: array[start : start + batch] for slot, array in pairs}

    class Reader(base):
        def __init__(self) -> None:
            self.rest = batches()

        def get_next(self) -> Any:
            return next(self.rest, None)

    return Reader()
