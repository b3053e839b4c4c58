"""Bring your own ONNX: tiny files that answer as each family does, with known boxes written in."""

from __future__ import annotations

import json
import pickle

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gobhir.projects.detection.boxes import Detections, iou
from gobhir.projects.detection.onnx import KEY, merged, open_detector, squares
from gobhir.projects.detection.outputs import READERS, YOLOX, NanoDet, SSDPriors, YOLOv8

SIZE = (64, 96)
"""Height, width of the networks' input."""
TRUE = np.array([[8, 8, 40, 56], [50, 4, 90, 30]], np.float32)
SURE = np.array([[0.9, 0.0, 0.05], [0.1, 0.0, 0.7]], np.float32)


def write(path, outputs, shape=(1, 3, *SIZE), kind=TensorProto.FLOAT, told=None):
    """A network that gives these arrays whatever it is shown."""
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array, name))
        for name, array in outputs.items()
    ]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape)
        for name, array in outputs.items()
    ]
    given = [helper.make_tensor_value_info("images", kind, shape)]
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", given, results),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=10,
    )
    helper.set_model_props(model, told or {})
    onnx.save(model, path)
    return path


def cells(strides):
    """(column, row, stride) of each cell, one by one."""
    return [
        (x, y, s) for s in strides for y in range(-(-SIZE[0] // s)) for x in range(-(-SIZE[1] // s))
    ]


def yolox() -> dict[str, np.ndarray]:
    places = cells((8, 16, 32))
    out = np.zeros((1, len(places), 8), np.float32)
    for k, (box, sure) in enumerate(zip(TRUE, SURE, strict=True)):
        x, y, s = places[40 + k]
        middle, spread = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        out[0, 40 + k, :4] = [*(middle / s - (x, y)), *np.log(spread / s)]
        out[0, 40 + k, 4:] = [0.5, *(sure / 0.5)]
    return {"output": out}


def yolov8() -> dict[str, np.ndarray]:
    out = np.zeros((1, 7, len(cells((8, 16, 32)))), np.float32)
    for k, (box, sure) in enumerate(zip(TRUE, SURE, strict=True)):
        out[0, :, 3 * k] = [*(box[:2] + box[2:]) / 2, *(box[2:] - box[:2]), *sure]
    return {"output0": out}


def nanodet() -> dict[str, np.ndarray]:
    places = cells((8, 16, 32, 64))
    out = np.zeros((1, len(places), 3 + 32), np.float32)
    at = [places.index((1, 1, 16)), places.index((4, 1, 16))]
    for k, box, sure in zip(at, TRUE, SURE, strict=True):
        x, y, s = places[k]
        out[0, k, :3] = sure
        far = [x - box[0] / s, y - box[1] / s, box[2] / s - x, box[3] / s - y]
        for side, distance in enumerate(far):
            # All weight on the two whole numbers beside it, so that their mean is the distance.
            whole, rest = int(distance), distance - int(distance)
            bins = np.full(8, -50.0)
            bins[whole], bins[whole + 1] = np.log(1 - rest + 1e-20), np.log(rest + 1e-20)
            out[0, k, 3 + 8 * side : 11 + 8 * side] = bins
    return {"output": out}


def ssd() -> dict[str, np.ndarray]:
    boxes = np.zeros((1, 5, 4), np.float32)
    boxes[0, :2] = TRUE[:, [1, 0, 3, 2]] / np.array([*SIZE, *SIZE])
    scores, kinds = np.zeros((1, 5), np.float32), np.ones((1, 5), np.float32)
    scores[0, :2], kinds[0, :2] = [0.9, 0.7], [1, 3]
    return {
        "detection_boxes:0": boxes,
        "detection_scores:0": scores,
        "detection_classes:0": kinds,
        "num_detections:0": np.array([2], np.float32),
    }


def ssd_priors() -> dict[str, np.ndarray]:
    boxes = np.zeros((1, 9, 4), np.float32)
    scores = np.zeros((1, 9, 4), np.float32)
    scores[..., 0] = 1
    boxes[0, 2:4] = TRUE / np.array([SIZE[1], SIZE[0]] * 2)
    scores[0, 2:4] = np.concatenate([1 - SURE.sum(1, keepdims=True), SURE], 1)
    return {"scores": scores, "boxes": boxes}


def gobhir() -> dict[str, np.ndarray]:
    scores = np.zeros((1, 7, 3), np.float32)
    boxes = np.zeros((1, 7, 4), np.float32)
    boxes[0, 4:6], scores[0, 4:6] = TRUE, SURE
    return {"boxes": boxes, "scores": scores}


FAMILIES = {f.__name__: f for f in (yolox, yolov8, nanodet, ssd, ssd_priors, gobhir)}


def test_all_families_are_tried() -> None:
    assert set(FAMILIES) == {reader.name for reader in READERS}


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_is_recognised_and_read(tmp_path, name) -> None:
    outputs, shape, kind = FAMILIES[name](), (1, 3, *SIZE), TensorProto.FLOAT
    if name == "ssd":
        shape, kind = (1, None, None, 3), TensorProto.UINT8
    path = write(tmp_path / "net.onnx", outputs, shape, kind)
    detector = open_detector(path)
    assert detector.kind == name
    found = detector(np.zeros((*SIZE, 3), np.uint8))
    assert np.allclose(found.boxes, TRUE, atol=1e-3)
    assert np.allclose(found.scores, [0.9, 0.7], atol=1e-6) and found.classes.tolist() == [0, 2]
    assert open_detector(path, kind=name).kind == name


def test_boxes_are_in_pixels_of_the_frame(tmp_path) -> None:
    frame = np.zeros((200, 200, 3), np.uint8)
    # Fitted into 96 x 64 it is 64 x 64; YOLOX has it on the left, YOLOv8 in the middle.
    for family, left in ((yolox, 0), (yolov8, 16)):
        path = write(tmp_path / "net.onnx", family())
        (first, _) = open_detector(path)(frame).boxes
        want = (TRUE[0] - [left, 0, left, 0]) * 200 / 64
        assert np.allclose(first, want.clip(0, 200), atol=0.01)
    path = write(tmp_path / "net.onnx", nanodet())
    stretched = TRUE[0] * [200 / 96, 200 / 64, 200 / 96, 200 / 64]
    assert np.allclose(open_detector(path)(frame).boxes[0], stretched, atol=0.01)


def test_a_picture_is_prepared_as_each_family_wants_it() -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert YOLOX.prepared(red)[:, 0, 0].tolist() == [0, 0, 255]
    assert YOLOv8.prepared(red)[:, 0, 0].tolist() == [1, 0, 0]
    assert SSDPriors.prepared(red)[:, 0, 0].tolist() == [1, -127 / 128, -127 / 128]
    assert NanoDet.prepared(red)[2, 0, 0] == pytest.approx((255 - 123.675) / 58.395)


def test_scores_classes_and_doubles_are_sorted_out(tmp_path) -> None:
    outputs = gobhir()
    outputs["boxes"][0, 6], outputs["scores"][0, 6] = TRUE[0] + 1, [0.8, 0, 0]
    outputs["boxes"][0, 0], outputs["scores"][0, 0] = np.nan, [0.99, 0, 0]
    about = {KEY: json.dumps({"size": 64, "names": {"en": ["person", "dog", "cow"]}})}
    path = write(tmp_path / "net.onnx", outputs, told=about)
    frame = np.zeros((*SIZE, 3), np.uint8)
    assert open_detector(path).names == ("person", "dog", "cow")
    assert len(open_detector(path)(frame)) == 2
    assert len(open_detector(path, overlap=0.99)(frame)) == 3
    assert len(open_detector(path, threshold=0.75)(frame)) == 1
    assert open_detector(path, only=["cow"])(frame).classes.tolist() == [2]
    assert open_detector(path, only=["person"])(frame).classes.tolist() == [0]
    with pytest.raises(ValueError, match="'cat'.*person, dog, cow"):
        open_detector(path, only=["cat"])


def test_names_come_from_the_file_or_are_numbers(tmp_path) -> None:
    told = {"names": "{0: 'a', 1: 'b', 2: 'c'}", "imgsz": "[64, 96]"}
    open_size = (1, 3, None, None)
    path = write(tmp_path / "net.onnx", yolov8(), open_size, told=told)
    assert open_detector(path).names == ("a", "b", "c") and open_detector(path).size == SIZE
    path = write(tmp_path / "net.onnx", yolox())
    assert open_detector(path).names == ("0", "1", "2")
    assert open_detector(path, names=["x", "y", "z"]).names == ("x", "y", "z")


@pytest.mark.parametrize(("wide", "high", "side"), [(768, 576, 300), (301, 50, 300), (64, 64, 300)])
def test_squares_cover_the_frame_and_overlap(wide, high, side) -> None:
    seen = np.zeros((high, wide), int)
    for x1, y1, x2, y2 in squares(wide, high, side):
        assert 0 <= x1 < x2 <= wide and 0 <= y1 < y2 <= high
        assert x2 - x1 == min(side, wide) and y2 - y1 == min(side, high)
        seen[y1:y2, x1:x2] += 1
    assert seen.min() >= 1
    lefts = sorted({s[0] for s in squares(wide, high, side)})
    assert all(b - a <= 0.8 * side for a, b in zip(lefts, lefts[1:], strict=False))


def test_regions_are_looked_at_one_by_one_and_moved_back(tmp_path) -> None:
    detector = open_detector(write(tmp_path / "net.onnx", gobhir()))
    frame = np.zeros((300, 300, 3), np.uint8)
    regions = np.array([[10, 20, 106, 84], [150, 200, 246, 264], [400, 400, 500, 500]])
    found = detector(frame, regions)
    want = np.concatenate([TRUE + [10, 20, 10, 20], TRUE + [150, 200, 150, 200]])
    assert len(found) == 4 and (iou(found.boxes, want).max(1) > 0.99).all()
    tiled = open_detector(detector.path, tiles=96)(np.zeros((96, 300, 3), np.uint8))
    assert len(tiled) > 4


def test_half_a_thing_goes_where_the_whole_is_seen() -> None:
    whole, half, alone = [10, 10, 50, 90], [30, 10, 50, 90], [200, 10, 230, 90]
    found = Detections.of([whole, half, alone], [0.6, 0.9, 0.5])
    left = merged(found, np.array([False, True, True]))
    assert sorted(left.scores.tolist()) == pytest.approx([0.5, 0.6])
    assert len(merged(found, np.array([True, True, True]))) == 3


def bad(name, tmp_path):
    """A file, and options, that cannot work."""
    path, none = tmp_path / "net.onnx", {}
    if name == "missing":
        return tmp_path / "no.onnx", none
    if name == "text":
        path.write_text("no network")
        return path, none
    if name == "vector":
        return write(path, gobhir(), (1, 5)), none
    if name == "open":
        return write(path, yolox(), (1, 3, None, None)), none
    if name == "other":
        return write(path, {"output": np.zeros((1, 300, 6), np.float32)}), none
    if name == "wrong":
        return write(path, yolox()), {"kind": "nanodet"}
    if name == "kind":
        return write(path, yolox()), {"kind": "yolov3"}
    return write(path, yolox()), {"size": 128}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing", r"no\.onnx.*pedestrian_ssdlite"),
        ("text", "is not an ONNX model"),
        ("vector", r"images \(1, 5\)"),
        ("open", "leaves the size"),
        ("other", r"(?s)output \(1, 300, 6\).*96 x 64.*yolox: \(1, cells"),
        ("wrong", r"no nanodet: .*output \(1, 126, 8\).*classes \+ 32"),
        ("kind", "'yolov3'.*yolox, yolov8"),
        ("fixed", r"\(64, 96\).*\(128, 128\)"),
    ],
)
def test_what_is_no_detector_is_refused_with_the_reason(tmp_path, name, told) -> None:
    path, options = bad(name, tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        open_detector(path, **options)


def test_what_is_no_frame_is_refused(tmp_path) -> None:
    detector = open_detector(write(tmp_path / "net.onnx", yolox()))
    for frame in (np.zeros((64, 96), np.uint8), np.zeros((64, 96, 3), np.float32)):
        with pytest.raises(ValueError, match="height, width, 3"):
            detector(frame)


def test_a_detector_that_would_run_code_is_refused(tmp_path) -> None:
    (tmp_path / "net.pt").write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match=r"net\.pt"):
        open_detector(tmp_path / "net.pt")
