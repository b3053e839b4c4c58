"""A model file, opened as a stranger's: looked at first, then run by onnxruntime on the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.deploy.about import KEY, About, about_from
from gobhir.deploy.export import session
from gobhir.deploy.inputs import blank
from gobhir.lang import say

_PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".bin", ".joblib", ".ckpt"}


@dataclass(frozen=True)
class Slot:
    """One input or output: its name, its shape (None where any size goes) and its dtype."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype


class Served:
    """The model in the ONNX file `path`. threads: for one batch; 0: all cores. about: what the
    file says of itself; None where it does not say what goes in.

    ValueError, in one sentence, for a file that holds pickled code, that is broken, that wants to
    read files beyond its own folder, or whose description does not fit its network; OSError for
    one that cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 0):
        self.path = Path(path)
        proto = _looked_at(self.path)
        try:
            self._session = session(self.path, threads)
        except Exception as trouble:  # onnxruntime's own kinds have no common base
            detail = str(trouble).splitlines()[0][:200]
            raise ValueError(say("deploy.serve.broken", path=self.path, detail=detail)) from None
        kept = {p.key: p.value for p in proto.metadata_props}
        told = about_from(kept.get(KEY))
        self.about: About | None = told if told is not None and told.input is not None else None
        self.inputs = tuple(_slots(self._session.get_inputs()))
        self.outputs = tuple(_slots(self._session.get_outputs()))
        # Whether rows of several requests may go in together: export made it so. Of another
        # model's first axis nobody knows what it means.
        free = all(s.shape and s.shape[0] is None for s in (*self.inputs, *self.outputs))
        self.batched = self.about is not None and free
        if self.about is not None:
            self._try_out(self.about)

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for whole arrays, one for each input."""
        named = {s.name: a for s, a in zip(self.inputs, arrays, strict=True)}
        results: list[np.ndarray] = self._session.run(None, named)
        return results

    def _try_out(self, about: About) -> None:
        """One blank example goes through. ValueError where the description does not fit."""
        assert about.input is not None
        try:
            row = blank(about.input, self.inputs[0].shape[-1])
            found = self.run([row[None]])[0]
            fits, found = len(self.inputs) == 1 and len(found) == 1, found[0].reshape(-1)
            detail = f"{found.shape}"
        except Exception as trouble:
            fits, detail = False, str(trouble).splitlines()[0][:200]
        counts = {len(names) for names in about.labels.values()}
        if fits and about.task == "classification" and counts:
            want = counts.pop()
            fits = want == len(found) or (want == 2 and len(found) == 1)
            detail = f"{want} / {len(found)}"
        if not fits:
            raise ValueError(say("deploy.serve.misfit", path=self.path, detail=detail))


def _looked_at(path: Path) -> Any:
    """The parsed file, without any other file that it names."""
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
        raise ValueError(say("deploy.serve.pickle", path=path))
    if path.suffix.lower() != ".onnx":
        raise ValueError(say("deploy.serve.suffix", path=path))
    try:
        proto = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError) as trouble:
        detail = str(trouble)[:200]
        raise ValueError(say("deploy.serve.broken", path=path, detail=detail)) from None
    if not proto.graph.node and not proto.graph.output:
        raise ValueError(say("deploy.serve.broken", path=path, detail="no graph"))
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
                raise ValueError(say("deploy.serve.escape", path=path, place=entry.value[:120]))


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


def _slots(given: Any) -> Iterator[Slot]:
    for one in given:
        if one.type not in _DTYPES:
            raise ValueError(say("deploy.serve.dtype", name=one.name, type=one.type))
        shape = tuple(n if isinstance(n, int) else None for n in one.shape or ())
        yield Slot(one.name, shape, np.dtype(_DTYPES[one.type]))
