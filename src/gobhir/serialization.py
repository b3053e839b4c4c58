"""Saving and loading: safetensors files, which hold numbers and can run nothing.

https://huggingface.co/docs/safetensors/index says how such a file is laid out. Other programs
read the tensors by name; the order of the names and what is nested stand in the metadata.
"""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.lang import say

_STRUCTURE = "gobhir"


def save(obj: Any, f: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write a state_dict, or dictionaries and lists of Tensors, numbers and texts, to `f`, a path
    or a file open for writing, as safetensors whatever its suffix. TypeError for what such a file
    cannot hold.

    A file named by its path is replaced only when the new one is complete and on the disk: a
    program that is killed meanwhile, or a machine that loses its power, leaves the old file or
    the new one.
    """
    from safetensors.numpy import save as to_bytes

    tensors: dict[str, np.ndarray] = {}
    structure = _take_apart(obj, "", tensors)
    content = to_bytes(tensors, {_STRUCTURE: json.dumps(structure)})
    if isinstance(f, (str, os.PathLike)):
        replace(Path(f), content)
    else:
        f.write(content)


def replace(path: Path, content: bytes) -> None:
    """Write a file, and put it in the old one's place only when it is complete and on the disk.
    OSError with what to do."""
    part = path.with_name(path.name + ".part")
    try:
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as trouble:
        raise not_written(path, trouble) from None
    if hasattr(os, "O_DIRECTORY"):  # the new name too; Windows takes care of that by itself
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def not_written(path: Path, trouble: OSError) -> OSError:
    """The same kind of error, with what to do."""
    if trouble.errno in (errno.ENOSPC, errno.EDQUOT):
        return type(trouble)(say("errors.file.full", path=path))
    detail = trouble.strerror or str(trouble)
    return type(trouble)(say("errors.file.write", path=path, detail=detail))


def load(
    f: str | os.PathLike[str] | IO[bytes], map_location: Any = None, weights_only: bool = True
) -> Any:
    """What `save` wrote, or the tensors by name of another safetensors or npz file; f is a path
    or a file open for reading.

    map_location and weights_only are accepted and change nothing: there is one device, and
    nothing but numbers is ever read. ValueError for a pickle and for a damaged file.
    """
    if isinstance(f, (str, os.PathLike)):
        path: Any = Path(f)
        try:
            content = path.read_bytes()
        except OSError as trouble:
            at = {"detail": trouble.strerror or str(trouble), "folder": Path.cwd()}
            raise type(trouble)(say("errors.file.read", path=path, **at)) from None
    else:
        path, content = getattr(f, "name", type(f).__name__), f.read()
    from safetensors import SafetensorError

    try:
        if not _pickled(content):
            return (_from_npz if content[:2] == b"PK" else _from_safetensors)(content)
    except (SafetensorError, *_DAMAGED) as trouble:
        raise ValueError(say("errors.file.damaged", path=path, detail=str(trouble))) from None
    raise ValueError(say("errors.file.pickle", path=path))


_DAMAGED = (zipfile.BadZipFile, ValueError, KeyError, EOFError, TypeError, RecursionError)
"""What is raised over a file of a stranger, whose structure of tensors may be anything."""


def _pickled(content: bytes) -> bool:
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    # A safetensors file begins with the length of its header, which may look like a pickle.
    return content[:1] == b"\x80" and content[8:9] != b"{"


def _from_npz(content: bytes) -> dict[str, Tensor]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: Tensor._wrap(arrays[name]) for name in arrays.files}


def _from_safetensors(content: bytes) -> Any:
    from safetensors.numpy import load as arrays_in

    # copies, because what is read out of bytes cannot be written to
    tensors = {name: Tensor._wrap(a.copy()) for name, a in arrays_in(content).items()}
    length = int.from_bytes(content[:8], "little")
    structure = json.loads(content[8 : 8 + length]).get("__metadata__", {}).get(_STRUCTURE)
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
