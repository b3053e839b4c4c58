"""Saving and loading: safetensors files, which hold numbers and can run nothing.

https://huggingface.co/docs/safetensors/index says how such a file is laid out. Other programs
read the tensors by name; the order of the names and what is nested stand in the metadata.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.lang import say

_STRUCTURE = "gobhir"


def save(obj: Any, f: str | os.PathLike[str]) -> None:
    """Write a state_dict, or dictionaries and lists of Tensors, numbers and texts, to the file
    `f`, as safetensors whatever its suffix. TypeError for what such a file cannot hold.

    The file is replaced only when the new one is complete and on the disk: a program that is
    killed meanwhile, or a machine that loses its power, leaves the old file or the new one.
    """
    from safetensors.numpy import save as to_bytes

    tensors: dict[str, np.ndarray] = {}
    structure = _take_apart(obj, "", tensors)
    _replace(Path(f), to_bytes(tensors, {_STRUCTURE: json.dumps(structure)}))


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    if hasattr(os, "O_DIRECTORY"):  # the new name too; Windows takes care of that by itself
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def load(f: str | os.PathLike[str], map_location: Any = None, weights_only: bool = True) -> Any:
    """What `save` wrote, or the tensors by name of another safetensors or npz file.

    map_location and weights_only are accepted and change nothing: there is one device, and
    nothing but numbers is ever read. ValueError for a pickle and for a damaged file.
    """
    path = Path(f)
    with path.open("rb") as file:
        start = file.read(9)
    if start[:2] == b"PK":
        return _load_zip(path)
    # A safetensors file begins with the length of its header, which may look like a pickle.
    if start[:1] == b"\x80" and start[8:] != b"{":
        raise ValueError(say("errors.file.pickle", path=path))
    return _load_safetensors(path)


def _load_zip(path: Path) -> dict[str, Tensor]:
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = any(name.endswith(".pkl") for name in archive.namelist())
        if not pickled:
            with np.load(path, allow_pickle=False) as arrays:
                return {name: Tensor._wrap(arrays[name]) for name in arrays.files}
    except (zipfile.BadZipFile, ValueError, EOFError) as trouble:
        raise ValueError(say("errors.file.damaged", path=path, detail=str(trouble))) from None
    raise ValueError(say("errors.file.pickle", path=path))


def _load_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: Tensor._wrap(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118  no dict
    except (SafetensorError, TypeError) as trouble:
        raise ValueError(say("errors.file.damaged", path=path, detail=str(trouble))) from None
    structure = metadata.get(_STRUCTURE)
    return tensors if structure is None else _put_together(json.loads(structure), tensors)


def _take_apart(value: Any, name: str, tensors: dict[str, np.ndarray]) -> Any:
    """The structure with every tensor replaced by its name; the tensors go into `tensors`."""
    if isinstance(value, (Tensor, np.ndarray)):
        array = value.array if isinstance(value, Tensor) else value
        tensors[name] = np.array(array, order="C")
        return {"tensor": name}
    if isinstance(value, Mapping):
        parts = []
        for key, item in value.items():
            if not isinstance(key, (str, int)):
                raise TypeError(say("errors.file.key", type=type(key).__name__))
            parts.append([key, _take_apart(item, f"{name}/{key}" if name else str(key), tensors)])
        return {"dict": parts}
    if isinstance(value, (list, tuple)):
        items = [_take_apart(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]
        return {"tuple" if type(value) is tuple else "list": items}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(say("errors.file.type", type=type(value).__name__))


def _put_together(value: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _put_together(item, tensors) for key, item in content}
    items = [_put_together(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
