"""A model file, opened as a stranger's: looked at first, then run by onnxruntime on the CPU."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.lang import say

_PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".bin", ".joblib", ".ckpt"}


@dataclass(frozen=True)
class Slot:
    """One input or output: its name, its shape (None where any size goes) and its dtype."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype

    @property
    def shape_text(self) -> str:
        """The shape as people write it: (n, 3, 224, 224)."""
        sizes = ", ".join("n" if n is None else str(n) for n in self.shape)
        return f"({sizes})"

    def takes(self, array: np.ndarray) -> bool:
        """Whether an array has this shape, and this kind of numbers."""
        kinds = "f" if self.dtype.kind == "f" else "iub"
        sizes = zip(self.shape, array.shape, strict=False)
        alike = array.dtype.kind in kinds and len(self.shape) == array.ndim
        return alike and all(want in (None, n) for want, n in sizes)


def opened(path: str | os.PathLike[str], threads: int = 0) -> tuple[Any, Any]:
    """(the parsed file, a session that runs it). Errors as of `looked_at`, and ValueError for what
    onnxruntime cannot run. threads: as in `session`."""
    path = Path(path)
    proto = looked_at(path)
    try:
        return proto, session(path, threads)
    except Exception as trouble:  # onnxruntime's own kinds have no common base
        raise _broken(path, trouble) from None


def session(path: str | os.PathLike[str], threads: int = 0) -> Any:
    """An onnxruntime session on the CPU, silent but for errors. threads: 0 for all cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # Threads that have nothing to do sleep, and leave the cores to whoever has.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def fitted(path: Path, wanted: Sequence[Slot], given: Sequence[Any]) -> list[np.ndarray]:
    """Arrays as the inputs of the model in `path` take them. ValueError where there are more or
    fewer of them, or one is of another shape or kind, or holds what is no finite number."""
    arrays = [np.asarray(one) for one in given]
    if len(arrays) != len(wanted) or not all(map(Slot.takes, wanted, arrays)):
        want = ", ".join(f"{slot.name} {slot.shape_text} {slot.dtype}" for slot in wanted)
        got = ", ".join(f"{array.shape} {array.dtype}" for array in arrays)
        raise ValueError(say("deploy.file.inputs", path=path, want=want, got=got))
    for slot, array in zip(wanted, arrays, strict=True):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(say("deploy.input.finite", name=slot.name))
    return [
        array.astype(slot.dtype, copy=False) for slot, array in zip(wanted, arrays, strict=True)
    ]


def _broken(path: Path, trouble: Exception) -> ValueError:
    detail = (str(trouble).splitlines() or [type(trouble).__name__])[0][:200]
    return ValueError(say("deploy.file.broken", path=path, detail=detail))


def looked_at(path: Path) -> Any:
    """The parsed file, without any other file that it names. ValueError, in one sentence, for one
    that holds pickled code, that is broken, or that wants to read files beyond its own folder;
    OSError for one that cannot be read."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as trouble:
        detail = trouble.strerror or str(trouble)
        told = say("errors.file.read", path=path, detail=detail, folder=Path.cwd())
        raise type(trouble)(told) from None
    pickled = head[:1] == b"\x80" and head[1:2] <= b"\x05" and head[8:9] != b"{"
    if path.suffix.lower() in _PICKLES or pickled or head[:4] == b"PK\x03\x04":
        raise ValueError(say("deploy.file.pickle", path=path))
    if path.suffix.lower() != ".onnx":
        raise ValueError(say("deploy.file.suffix", path=path))
    try:
        proto = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError) as trouble:
        raise _broken(path, trouble) from None
    if not proto.graph.node and not proto.graph.output:
        raise ValueError(say("deploy.file.broken", path=path, detail="no graph"))
    _stays_at_home(path, proto)
    return proto


def _stays_at_home(path: Path, proto: Any) -> None:
    """Weights may lie in files beside the model, and nowhere else."""
    home = path.resolve().parent
    for tensor in _tensors(proto):
        for entry in tensor.external_data:
            if entry.key != "location":
                continue
            place = Path(entry.value)
            target = (home / place).resolve()
            if place.is_absolute() or "\\" in entry.value or home not in target.parents:
                raise ValueError(say("deploy.file.escape", path=path, place=entry.value[:120]))


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor anywhere in the file, whatever part of ONNX it stands in."""
    stack = [message]
    while stack:
        one = stack.pop()
        if one.DESCRIPTOR.name == "TensorProto":
            yield one
            continue
        for descriptor, value in one.ListFields():
            if descriptor.message_type is None:
                continue
            stack.extend([value] if hasattr(value, "ListFields") else value)


_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


def slots(given: Any) -> tuple[Slot, ...]:
    """What a session says of its inputs or its outputs. ValueError where one holds no numbers."""
    found = []
    for one in given:
        if one.type not in _DTYPES:
            raise ValueError(say("deploy.file.dtype", name=one.name, type=one.type))
        shape = tuple(n if isinstance(n, int) else None for n in one.shape or ())
        found.append(Slot(one.name, shape, np.dtype(_DTYPES[one.type])))
    return tuple(found)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Of onnxruntime, which advises to do what is done one line above, and of PyTorch's exporter
    errors alone are heard."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
