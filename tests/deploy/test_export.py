"""Export to ONNX: the same numbers in onnxruntime for any number of examples, or no file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import gobhir
from gobhir.deploy import About, Drawing, Numbers, export
from gobhir.deploy.about import KEY, about_from


def run(path: Path, x: np.ndarray) -> list[np.ndarray]:
    found = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return found.run(None, {"input": x})


def classifier(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(16, 3),
    )


def reader(nn: Any) -> Any:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(9, 4)
            self.lstm = nn.LSTM(4, 5, batch_first=True, bidirectional=True)
            self.gru = nn.GRU(10, 4, batch_first=True)
            self.out = nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            h, _ = self.gru(self.lstm(self.table(x))[0])
            best = h.max(1).values
            return self.out(gobhir_or_torch(h).cat([h[:, -1] - h.mean(1) / 3, best * 2], 1))

    return Reader()


def gobhir_or_torch(tensor: Any) -> Any:
    return torch if isinstance(tensor, torch.Tensor) else gobhir


ALL = [(f, n) for f in (gobhir, torch) for n in ("cnn", "reader", "transformer")][:-1]
MODELS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "cnn": (classifier, (2, 8, 8)),
    "reader": (reader, ()),
    "transformer": (lambda nn: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (5, 8)),
}


@pytest.mark.parametrize(("framework", "name"), ALL)
def test_the_file_gives_what_the_model_gives(framework: Any, name: str, tmp_path: Path) -> None:
    make, shape = MODELS[name]
    framework.manual_seed(0)
    model, rng = make(framework.nn), np.random.default_rng(1)

    def examples(count: int) -> np.ndarray:
        if not shape:
            return rng.integers(0, 9, (count, 6))
        return rng.normal(size=(count, *shape)).astype(np.float32)

    told = export(model, examples(2), tmp_path / "model.onnx")
    assert told.difference < 1e-5 and told.path.stat().st_size == told.bytes
    assert model.training and all(m.training for m in model.modules())
    onnx.checker.check_model(onnx.load(told.path), full_check=True)
    model.eval()
    for count in (1, 7):
        x = examples(count)
        with framework.no_grad():
            want = model(framework.as_tensor(x)).numpy()
        np.testing.assert_allclose(run(told.path, x)[0], want, rtol=1e-4, atol=1e-5)


ELEMENTWISE = [
    "relu", "sigmoid", "tanh", "gelu", "silu", "elu", "selu", "celu", "leaky_relu", "hardtanh",
    "hardswish", "hardsigmoid", "softplus", "logsigmoid", "mish", "softsign",
]  # fmt: skip


class Mixed(gobhir.nn.Module):
    """One op of each kind that a network is glued together with."""

    def __init__(self, which: str) -> None:
        super().__init__()
        self.which = which
        gobhir.manual_seed(3)
        self.norms = gobhir.nn.ModuleList(
            [gobhir.nn.GroupNorm(2, 4), gobhir.nn.InstanceNorm1d(4, affine=True)]
        )
        self.prelu = gobhir.nn.PReLU(4)
        self.up = gobhir.nn.ConvTranspose1d(4, 2, 3, stride=2, output_padding=1)

    def forward(self, x: Any) -> Any:  # (N, 4, 6)
        which = self.which
        if which == "norms":
            return self.norms[1](self.norms[0](x))
        if which == "prelu":
            return self.up(self.prelu(x))
        if which == "index":
            return x[:, 1:3, ::2].flip(1) + x[:, -1, None, :3] * x[..., [0, 3, 1]][:, :2]
        if which == "join":
            stacked = gobhir.stack([x, x.clamp(-0.5, 0.5)], dim=1)
            return gobhir.cat([stacked.sum(2), stacked.amax(2), stacked.amin(2)], dim=-1)
        if which == "pad":
            return gobhir.nn.functional.pad(x, (1, 2), value=3.0).permute(0, 2, 1).reshape(-1, 4)
        if which == "where":
            return gobhir.where(gobhir.relu(x).bool(), x.abs().sqrt(), x.pow(2) - 1).mean(-1)
        if which == "expand":
            return x[:, :1].expand(x.shape[0], 4, 6) @ x.mT
        if which == "pool":
            return gobhir.nn.functional.avg_pool1d(x, 3, 2, padding=1, ceil_mode=True)
        return getattr(gobhir.nn.functional, which)(x)


@pytest.mark.parametrize(
    "which", ["norms", "prelu", "index", "join", "pad", "where", "expand", "pool", *ELEMENTWISE]
)
def test_ops_of_the_engine(which: str, tmp_path: Path) -> None:
    told = export(Mixed(which), gobhir.randn(2, 4, 6), tmp_path / "m.onnx", tolerance=1e-5)
    assert told.examples == 8


def test_what_layers_see_can_be_watched(tmp_path: Path) -> None:
    for framework in (gobhir, torch):
        model = classifier(framework.nn).eval()
        told = export(model, framework.randn(2, 2, 8, 8), tmp_path / "m.onnx", watch=["2", "3"])
        assert told.outputs == ("output", "2", "3")
        x = framework.randn(3, 2, 8, 8)
        with framework.no_grad():
            seen = model[:3](x).numpy()
        np.testing.assert_allclose(run(told.path, x.numpy())[1], seen, atol=1e-5)
        content = told.path.read_bytes()  # and nothing of this machine
        assert (
            str(Path(__file__).parent).encode() not in content and b"site-packages" not in content
        )
    with pytest.raises(ValueError, match="nobody"):
        export(model, x, tmp_path / "m.onnx", watch=["nobody"])


def test_the_description_travels_with_the_file(tmp_path: Path) -> None:
    labels = {"bn": ["শূন্য", "এক", "দুই"], "en": ["zero", "one", "two"]}
    about = About(title={"bn": "সংখ্যা"}, labels=labels, input=Drawing(size=8, box=6, channels=2))
    export(classifier(gobhir.nn), gobhir.randn(2, 2, 8, 8), tmp_path / "m.onnx", about=about)
    kept = {p.key: p.value for p in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert about_from(kept[KEY]) == about


class Chance(gobhir.nn.Module):
    def forward(self, x: Any) -> Any:
        return x + float(np.random.rand())


class Odd(gobhir.nn.Module):
    def forward(self, x: Any) -> Any:
        return x.cumsum(1)


class ByBatch(gobhir.nn.Module):
    def forward(self, x: Any) -> Any:
        return x / x.shape[0]


class Copying(gobhir.nn.Module):
    """Leaves the recorded path: what it returns was never computed by an op."""

    def forward(self, x: Any) -> Any:
        return gobhir.tensor(x.numpy() * 2)


def test_no_file_is_left_of_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"before")
    cases: list[tuple[Any, str]] = [
        (Chance(), "batch|examples|differ"),
        (Odd(), "cumsum"),
        (ByBatch(), "examples"),
        (Copying(), "examples|differ"),
    ]
    for model, words in cases:
        with pytest.raises(ValueError, match=words):
            export(model, np.ones((2, 3), np.float32), path)
        assert path.read_bytes() == b"before" and [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


def test_a_difference_is_told_with_its_size(tmp_path: Path) -> None:
    gobhir.manual_seed(0)
    layers = [gobhir.nn.Linear(64, 64), gobhir.nn.GELU(), gobhir.nn.Linear(64, 64)]
    with pytest.raises(ValueError, match="at most 1e-12"):
        export(
            gobhir.nn.Sequential(*layers),
            gobhir.randn(4, 64),
            tmp_path / "m.onnx",
            tolerance=1e-12,
        )
    assert not list(tmp_path.iterdir())


def test_wrong_calls_are_told(tmp_path: Path) -> None:
    linear, x = gobhir.nn.Linear(3, 2), np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"\.onnx"):
        export(linear, x, tmp_path / "m.pt")
    with pytest.raises(TypeError, match="dict"):
        export({}, x, tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="example"):
        export(linear, np.float32(1), tmp_path / "m.onnx")


def test_a_description_of_another_model_is_told(tmp_path: Path) -> None:
    linear, x = gobhir.nn.Linear(3, 2), np.ones((2, 3), np.float32)
    two = {"en": ["a", "b"]}
    for about in (
        About(labels=two, input=Drawing()),
        About(labels=two, input=Numbers(names=("a", "b", "c", "d"))),
        About(labels={"en": ["a", "b", "c"]}, input=Numbers()),
    ):
        with pytest.raises(ValueError, match="says of itself"):
            export(linear, x, tmp_path / "m.onnx", about=about)
    assert not list(tmp_path.iterdir())
    export(linear, x, tmp_path / "m.onnx", about=About(labels=two, input=Numbers()))


class Branching(torch.nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 2 if x.sum() > 0 else x


def test_what_pytorch_cannot_export_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="PyTorch cannot"):
        export(Branching(), np.ones((2, 3), np.float32), tmp_path / "m.onnx")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"task": "magic"}, "task"),
        ({"nonsense": 1}, "nonsense"),
        ({"labels": {"fr": ["a"]}}, "labels"),
        ({"labels": {"bn": ["a"], "en": ["a", "b"]}}, "labels"),
        ({"labels": {"en": "ab"}}, "labels"),
        ({"input": {"kind": "smell"}}, "smell"),
        ({"input": {"kind": "drawing", "size": 10**9}}, "size"),
        ({"input": {"kind": "drawing", "size": "28"}}, "size"),
        ({"input": {"kind": "picture", "std": [0, 1, 1]}}, "std"),
        ({"input": {"kind": "picture", "mean": [float("nan")] * 3}}, "mean"),
        ({"input": {"kind": "text", "vocabulary": []}}, "vocabulary"),
        ({"input": {"kind": "text", "vocabulary": ["a"], "pad": 4, "unknown": 0}}, "pad"),
        (
            {"input": {"kind": "text", "level": "bpe", "vocabulary": ["a", "b"], "merges": [1]}},
            "me",
        ),
        ('{"task": ', "JSON"),
        ("[" * 100_000, "JSON"),
        ("[]", "list"),
    ],
)
def test_a_wrong_description_is_told(told: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        about_from(told)
