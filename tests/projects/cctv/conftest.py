"""A detector that needs no weights: it finds what is red, by an ONNX file of a dozen nodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.projects.cctv.staged import box_at, film, picture


def _extent(along: str, axis: int) -> list:
    """Nodes that give the first and the last place along an axis where `red` is, as shares."""
    rest = 1 - axis
    return [
        helper.make_node("ReduceMax", ["red"], [f"{along}_any"], axes=[rest], keepdims=0),
        helper.make_node("ArgMax", [f"{along}_any"], [f"{along}_first"], axis=0, keepdims=1),
        helper.make_node(
            "ArgMax", [f"{along}_any"], [f"{along}_last"], axis=0, keepdims=1, select_last_index=1
        ),
        helper.make_node("Shape", [f"{along}_any"], [f"{along}_size"]),
        helper.make_node("Cast", [f"{along}_first"], [f"{along}_low_"], to=TensorProto.FLOAT),
        helper.make_node("Add", [f"{along}_last", "one"], [f"{along}_past"]),
        helper.make_node("Cast", [f"{along}_past"], [f"{along}_high_"], to=TensorProto.FLOAT),
        helper.make_node("Cast", [f"{along}_size"], [f"{along}_length"], to=TensorProto.FLOAT),
        helper.make_node("Div", [f"{along}_low_", f"{along}_length"], [f"{along}_low"]),
        helper.make_node("Div", [f"{along}_high_", f"{along}_length"], [f"{along}_high"]),
    ]


@pytest.fixture(scope="session")
def red_detector(tmp_path_factory) -> Path:
    """An ONNX file of SSD's kind: one box around all that is red."""
    return _sees(0, tmp_path_factory.mktemp("detector") / "red.onnx")


@pytest.fixture(scope="session")
def blue_detector(tmp_path_factory) -> Path:
    """The same for all that is blue."""
    return _sees(2, tmp_path_factory.mktemp("detector") / "blue.onnx")


def _sees(colour: int, path: Path) -> Path:
    constants = {
        "one": np.array([1], np.int64),
        "bright": np.float32(150),
        "dark": np.float32(90),
        "of_red": np.array([colour], np.int64),
        "of_green": np.array([1], np.int64),
        "sheet": np.array([0, 3], np.int64),
        "shape_boxes": np.array([1, 1, 4], np.int64),
        "shape_scores": np.array([1, 1], np.int64),
        "sure": np.float32(0.9),
        "detection_classes": np.ones((1, 1), np.float32),
    }
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value)))
        for name, value in constants.items()
    ]
    nodes += [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["pixels", "of_red"], ["r"], axis=3),
        helper.make_node("Gather", ["pixels", "of_green"], ["g"], axis=3),
        helper.make_node("Greater", ["r", "bright"], ["is_bright"]),
        helper.make_node("Less", ["g", "dark"], ["is_dark"]),
        helper.make_node("And", ["is_bright", "is_dark"], ["both"]),
        helper.make_node("Cast", ["both"], ["deep"], to=TensorProto.FLOAT),
        helper.make_node("Squeeze", ["deep", "sheet"], ["red"]),
        *_extent("y", 0),
        *_extent("x", 1),
        helper.make_node("Concat", ["y_low", "x_low", "y_high", "x_high"], ["box"], axis=0),
        helper.make_node("Reshape", ["box", "shape_boxes"], ["detection_boxes"]),
        helper.make_node("ReduceMax", ["red"], ["any"], keepdims=0),
        helper.make_node("Mul", ["any", "sure"], ["score"]),
        helper.make_node("Reshape", ["score", "shape_scores"], ["detection_scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "h", "w", 3])],
        [
            helper.make_tensor_value_info("detection_boxes", TensorProto.FLOAT, [1, 1, 4]),
            helper.make_tensor_value_info("detection_scores", TensorProto.FLOAT, [1, 1]),
            helper.make_tensor_value_info("detection_classes", TensorProto.FLOAT, [1, 1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def visit(tmp_path_factory) -> Path:
    """A film of 8 s: nobody for 2 s, somebody who walks to the right for 4 s, nobody."""

    def pictures():
        for k in range(80):
            there = 20 <= k < 60
            yield picture([box_at(0.1 + 0.8 * (k - 20) / 40, 0.8)] if there else [])

    return film(tmp_path_factory.mktemp("film") / "visit.mp4", pictures())
