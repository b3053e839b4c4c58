"""A trained model as an ONNX file that gives the same numbers, or no file at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.deploy.about import KEY, About, about_from
from gobhir.deploy.inputs import misfit
from gobhir.deploy.opening import Slot, session
from gobhir.lang import say
from gobhir.serialization import not_written

MOST = 2 * 1024**3 - 1
"""Bytes of one ONNX file: what protobuf can hold."""


@dataclass(frozen=True)
class Exported:
    """What came of an export. difference: the largest |ONNX - model| over the largest |model|
    (at least 1), over `examples` examples."""

    path: Path
    bytes: int
    difference: float
    examples: int
    outputs: tuple[str, ...]


def export(
    model: Any,
    example: Any,
    path: str | os.PathLike[str],
    *,
    about: About | dict[str, Any] | None = None,
    watch: Sequence[str] = (),
    tolerance: float = 1e-4,
    seed: int = 0,
) -> Exported:
    """Write `model`, of torch.nn or gobhir.nn, as ONNX to `path`, any number of examples at once.

    example: an array or Tensor (N, ...), or a tuple of them, one for each input. about: what goes
    in and what comes out, kept in the file's metadata. watch: names of modules whose results
    become further outputs, under the same names, so that they can be looked at.

    The file is compared with the model on the example, on one example alone and on random inputs
    of the same kind, by onnxruntime. ValueError where they differ by more than `tolerance` (of the
    largest number, at least 1), where `about` does not fit the model, where this has an op that
    cannot be exported, and where its shapes follow the number of examples in a way that ONNX cannot
    say; no file is left then.
    """
    path, told = Path(path), about_from(about)
    if path.suffix != ".onnx":
        raise ValueError(say("deploy.export.suffix", path=path))
    given = example if isinstance(example, (tuple, list)) else (example,)
    arrays = tuple(array_of(e) for e in given)
    if not arrays or any(a.ndim == 0 or not len(a) or len(a) != len(arrays[0]) for a in arrays):
        raise ValueError(say("deploy.export.example", shapes=[a.shape for a in arrays]))
    names = ["input", *(f"input_{i}" for i in range(1, len(arrays)))]
    framework = framework_of(model)
    known_modules = dict(model.named_modules())
    for name in watch:
        if name not in known_modules or not name:
            known = ", ".join(n for n in known_modules if n)
            raise ValueError(say("deploy.export.module", name=name, known=known))

    def run(*inputs: Any) -> tuple[Any, ...]:
        return _results(model, known_modules, watch, inputs)

    tensor = framework.as_tensor if framework.__name__ == "torch" else framework.tensor
    device = {d for p in model.parameters() if (d := getattr(p, "device", None)) is not None}

    def compute(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        with framework.no_grad():
            results = run(*(_placed(tensor(a.copy()), device) for a in inputs))
        return [array_of(r) for r in results]

    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    try:
        expected = compute(arrays)
        if told is not None and told.input is not None:
            own = [
                Slot(n, (None, *a.shape[1:]), a.dtype) for n, a in zip(names, arrays, strict=True)
            ]
            if detail := misfit(told, own, compute):
                raise ValueError(say("deploy.file.misfit", path=path, detail=detail))
        outs = ["output", *(f"output_{i}" for i in range(1, len(expected) - len(watch)))]
        outs += list(watch)
        proto = _graph(framework, model, run, arrays, names, outs, device)
        _name_outputs(proto, outs)
        if told is not None:
            proto.metadata_props.add(key=KEY, value=told.to_json())
        if proto.ByteSize() > MOST:
            raise ValueError(say("deploy.export.size", bytes=proto.ByteSize()))
        part = path.with_name(path.name + ".part")
        try:
            try:
                part.parent.mkdir(parents=True, exist_ok=True)
                part.write_bytes(proto.SerializeToString())
            except OSError as trouble:
                raise not_written(path, trouble) from None
            trials = [arrays, *_others(arrays, np.random.default_rng(seed))]
            difference = max(_difference(part, names, outs, t, compute(t)) for t in trials)
            if not difference <= tolerance:
                values = {"difference": f"{difference:.2g}", "tolerance": f"{tolerance:.2g}"}
                raise ValueError(say("deploy.export.parity", **values))
            size = part.stat().st_size
            os.replace(part, path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    finally:
        for module, mode in modes:
            module.training = mode
    return Exported(path, size, difference, sum(len(t[0]) for t in trials), tuple(outs))


def framework_of(model: Any) -> Any:
    """The framework that `model` is made of. TypeError when it is of none that is exported."""
    import gobhir

    if isinstance(model, gobhir.nn.Module):
        return gobhir
    torch = sys.modules.get("torch")  # whoever has a PyTorch model has imported PyTorch
    if torch is not None and isinstance(model, torch.nn.Module):
        return torch
    raise TypeError(say("deploy.export.model", type=type(model).__name__))


def _results(
    model: Any, modules: dict[str, Any], watch: Sequence[str], inputs: Sequence[Any]
) -> tuple[Any, ...]:
    """The model's results as a flat tuple, and after them those of the watched modules."""
    seen: dict[str, Any] = {}

    def keeper(name: str) -> Callable[..., None]:
        def keep(module: Any, given: Any, result: Any) -> None:
            seen[name] = result

        return keep

    hooks = [modules[name].register_forward_hook(keeper(name)) for name in watch]
    try:
        result = model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return (*_flat(result), *(seen[name] for name in watch))


def _flat(result: Any) -> list[Any]:
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, (tuple, list)):
        return [tensor for part in result for tensor in _flat(part)]
    return [result]


def _graph(
    framework: Any,
    model: Any,
    run: Callable[..., Any],
    arrays: tuple[np.ndarray, ...],
    names: list[str],
    outs: list[str],
    device: set[Any],
) -> Any:
    """The ONNX graph, by the framework's own way."""
    batches = [tuple(_rows(a, n) for a in arrays) for n in (2, 3)]
    if framework.__name__ == "torch":
        from gobhir.deploy.torch_graph import Whole, graph_of

        two = tuple(_placed(framework.as_tensor(a), device) for a in batches[0])
        # The exporter needs tensors of its own; names of outputs may clash with its, so: later.
        return graph_of(Whole(model, run), two, names, [f"result_{i}" for i in range(len(outs))])
    from gobhir.deploy.engine_graph import graph_of as engine_graph_of

    known = dict(model.named_parameters()) | dict(model.named_buffers())
    return engine_graph_of(run, known, batches, names)


def _rows(array: np.ndarray, count: int) -> np.ndarray:
    """The array's first rows, `count` of them, over again where it has fewer."""
    return np.resize(array, (count, *array.shape[1:])) if len(array) < count else array[:count]


def _name_outputs(proto: Any, outs: list[str]) -> None:
    """The graph's outputs under names that people know, by way of an Identity where needed."""
    from onnx import helper

    taken = {n for node in proto.graph.node for n in (*node.input, *node.output)}
    for info, name in zip(proto.graph.output, outs, strict=True):
        if info.name == name:
            continue
        own = name if name not in taken else f"{name}:output"
        proto.graph.node.append(helper.make_node("Identity", [info.name], [own], name=f"to_{own}"))
        info.name = own


def _others(arrays: tuple[np.ndarray, ...], rng: np.random.Generator) -> list[Any]:
    """Inputs of the same kind: one example alone, and five with random numbers."""
    alone = tuple(a[:1] for a in arrays)
    return [alone, tuple(_random(a, (5, *a.shape[1:]), rng) for a in arrays)]


def _random(array: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if array.dtype.kind in "iub":  # numbers of words and the like: none that the model has not
        return rng.choice(array.reshape(-1), shape)
    spread = float(np.std(array)) or 1.0
    return rng.normal(float(np.mean(array)), spread, shape).astype(array.dtype)


def _difference(
    path: Path,
    names: list[str],
    outs: list[str],
    inputs: Sequence[np.ndarray],
    expected: list[np.ndarray],
) -> float:
    """The largest difference of all outputs, against the largest number of each (at least 1)."""
    found = session(path).run(None, dict(zip(names, inputs, strict=True)))
    worst = 0.0
    for theirs, ours in zip(found, expected, strict=True):
        if theirs.shape != ours.shape:
            return float("inf")
        if ours.size == 0:
            continue
        first, second = theirs.astype(np.float64), ours.astype(np.float64)
        same = (first == second) | (np.isnan(first) & np.isnan(second))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, np.abs(first - second))
        finite = np.abs(second[np.isfinite(second)])
        largest = max(1.0, float(finite.max(initial=0.0)))
        worst = max(worst, float(np.nan_to_num(apart, nan=np.inf).max()) / largest)
    return worst


def array_of(value: Any) -> np.ndarray:
    """A tensor's or a list's numbers; a list's in float32, as models have them."""
    if hasattr(value, "detach"):
        value = value.detach()
        return np.array((value.cpu() if hasattr(value, "cpu") else value).numpy())
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _placed(tensor: Any, device: set[Any]) -> Any:
    """The tensor where the model is."""
    return tensor.to(next(iter(device))) if len(device) == 1 and hasattr(tensor, "to") else tensor
