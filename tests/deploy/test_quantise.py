"""8-bit models and their comparison: smaller, nearly as right, measured the same way."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import gobhir
from gobhir.deploy import About, Numbers, compare, export, quantise
from gobhir.deploy.about import KEY

nn = gobhir.nn


def model(*layers: Any) -> Any:
    gobhir.manual_seed(0)
    return nn.Sequential(*layers).eval()


def examples(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Three groups of points far apart, in 20 dimensions."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, count)
    middles = rng.normal(size=(3, 20)) * 4
    return (middles[classes] + rng.normal(size=(count, 20))).astype(np.float32), classes


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned the three groups."""
    x, y = examples()
    net = model(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    gobhir.fit(
        net, (x, y), loss="cross_entropy", optimizer="adam", lr=0.01, epochs=3, progress=False
    )
    about = About(labels={"en": ["a", "b", "c"]}, input=Numbers(tuple(map(str, range(20)))))
    path = tmp_path_factory.mktemp("dense") / "dense.onnx"
    return export(net, x[:4], path, about=about).path


def test_smaller_and_nearly_as_right(dense: Path, tmp_path: Path) -> None:
    x, y = examples()
    dynamic = quantise(dense, tmp_path / "dynamic.onnx")
    static = quantise(dense, tmp_path / "static.onnx", x[:100])
    found = compare({"float": dense, "dynamic": dynamic, "static": static}, x, y, rounds=3)
    for name in ("dynamic", "static"):
        assert found[name].bytes < 0.75 * found["float"].bytes
        assert found[name].score >= found["float"].score - 0.02 and found[name].same > 0.97
        kept = {p.key: p.value for p in onnx.load(tmp_path / f"{name}.onnx").metadata_props}
        assert kept == {p.key: p.value for p in onnx.load(dense).metadata_props} and KEY in kept
    weights = [w.data_type for w in onnx.load(static).graph.initializer if len(w.dims) == 2]
    assert set(weights) == {onnx.TensorProto.INT8}


def test_convolutions_with_calibration(tmp_path: Path) -> None:
    net = model(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3)
    )
    x = np.random.default_rng(0).normal(size=(40, 1, 10, 10)).astype(np.float32)
    path = export(net, x[:2], tmp_path / "cnn.onnx").path
    small = quantise(path, tmp_path / "small.onnx", (x,), batch=16)
    found = compare({"float": path, "int8": small}, x, np.zeros((40, 16), np.float32), rounds=1)
    assert found["int8"].score == pytest.approx(found["float"].score, rel=0.02)
    with pytest.raises(ValueError, match="calibration="):
        quantise(path, tmp_path / "none.onnx")
    assert not (tmp_path / "none.onnx").exists()


def test_what_pytorch_exported(tmp_path: Path) -> None:
    own = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(288, 90)
    )
    x = np.random.default_rng(0).normal(size=(40, 1, 8, 8)).astype(np.float32)
    path = export(own, x[:2], tmp_path / "cnn.onnx").path
    kinds = {"dynamic": None, "static": x}
    small = {k: quantise(path, tmp_path / f"{k}.onnx", given) for k, given in kinds.items()}
    found = compare({"float": path, **small}, x, np.zeros((40, 90), np.float32), rounds=1)
    for name in small:
        assert found[name].score == pytest.approx(found["float"].score, rel=0.02)
        assert found[name].bytes < found["float"].bytes / 2


def test_the_table(dense: Path) -> None:
    x, y = examples()
    found = compare({"a": dense, "b": dense}, x, y, rounds=5)
    a, b = found.rows
    assert a.bytes == dense.stat().st_size and a.zipped == len(gzip.compress(dense.read_bytes(), 6))
    assert a.ratio == (1, 1, 1) and a.same == b.same == 1 and a.score == b.score
    assert a.low < a.score <= a.high <= 1 and b.ratio[1] <= b.ratio[0] <= b.ratio[2]
    for lang, word in (("en", "accuracy"), ("bn", "অ্যাকুরেসি")):
        table = found.text(lang)
        assert word in table and table.count("\n| ") == 2 and "200" in table


def test_the_interval_is_wilsons() -> None:
    from gobhir.deploy.compare import _score

    # 81 of 263: Newcombe (1998), Table I, method 3.
    answers, wanted = np.zeros(263, int), np.r_[np.zeros(81, int), np.ones(182, int)]
    assert _score(answers, wanted, True) == pytest.approx((0.3080, 0.2553, 0.3662), abs=5e-5)


def test_wrong_calls_are_told(dense: Path, tmp_path: Path) -> None:
    target = tmp_path / "t.onnx"
    (tmp_path / "broken.onnx").write_bytes(b"hello")
    with pytest.raises(ValueError, match="broken"):
        quantise(tmp_path / "broken.onnx", target)
    with pytest.raises(FileNotFoundError, match="none"):
        quantise(tmp_path / "none.onnx", target)
    with pytest.raises(ValueError, match="pickle"):
        (tmp_path / "pickled.onnx").write_bytes(pickle.dumps({}))
        quantise(tmp_path / "pickled.onnx", target)
    two, other = (np.zeros((2, 20)), np.zeros((2, 20))), np.zeros((9, 3))
    for given in (two, other, np.zeros((9, 20), int)):
        with pytest.raises(ValueError, match=r"input \(n, 20\) float32"):
            quantise(dense, target, given)
    with pytest.raises(ValueError, match="not finite"):
        quantise(dense, target, np.full((9, 20), np.nan))
    with pytest.raises(ValueError, match="equally many"):
        quantise(dense, target, np.zeros((0, 20)))
    with pytest.raises(ValueError, match=r"\.onnx"):
        quantise(dense, tmp_path / "t.bin")
    with pytest.raises(ValueError, match="targets"):
        compare({"a": dense}, np.zeros((3, 20)), np.zeros(4, int))
    with pytest.raises(ValueError, match="broken"):
        compare({"a": dense, "b": tmp_path / "broken.onnx"}, np.zeros((3, 20)), np.zeros(3, int))
    with pytest.raises(ValueError, match=r"\(n, 20\) float32.*\(3, 7\)"):
        compare({"a": dense}, np.zeros((3, 7)), np.zeros(3, int))
    assert not target.exists()
