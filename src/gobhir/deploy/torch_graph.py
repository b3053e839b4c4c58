"""PyTorch's models as ONNX, by PyTorch's own exporter (torch.export, then onnxscript)."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from onnx import ModelProto

from gobhir.deploy.opening import quiet
from gobhir.lang import say


def graph_of(model: Any, inputs: tuple[Any, ...], names: list[str], outs: list[str]) -> ModelProto:
    """The model's graph with a free first axis. inputs: tensors with at least two examples.
    ValueError, with PyTorch's own first line, where PyTorch cannot export it."""
    # One tuple more, because Whole.forward takes *inputs.
    free: Any = (tuple({0: torch.export.Dim("batch", min=1)} for _ in inputs),)
    try:
        with _quiet():
            program = torch.onnx.export(
                model,
                inputs,
                dynamo=True,
                dynamic_shapes=free,
                input_names=names,
                output_names=outs,
                verbose=False,
                external_data=False,
            )
    except Exception as trouble:
        cause: BaseException = trouble
        while cause.__cause__ is not None:
            cause = cause.__cause__
        lines = [line for line in str(cause).splitlines() if line.strip()]
        detail = lines[0].strip() if lines else type(cause).__name__
        raise ValueError(say("deploy.export.torch", detail=detail)) from trouble
    assert program is not None
    proto: ModelProto = program.model_proto
    _bare(proto)
    return proto


def _bare(proto: ModelProto) -> None:
    """Without the lines of the user's program, and their paths, that PyTorch writes to each
    node."""
    graph = proto.graph
    parts = (graph.node, graph.input, graph.output, graph.value_info, graph.initializer)
    for part in (graph, *(one for several in parts for one in several)):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    graph.ClearField("value_info")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's news are of its own parts: a missing torchvision, names of the future."""
    drafts = io.StringIO()  # of a model that it cannot export it prints what it had so far
    streams = contextlib.redirect_stdout(drafts), contextlib.redirect_stderr(drafts)
    with quiet(), streams[0], streams[1], warnings.catch_warnings(action="ignore"):
        yield


class Whole(torch.nn.Module):
    """What is exported: the model, called by `run` (which may ask it for more results)."""

    def __init__(self, model: Any, run: Any):
        super().__init__()
        self.model = model
        self.run = run

    def forward(self, *inputs: Any) -> Any:
        return self.run(*inputs)
