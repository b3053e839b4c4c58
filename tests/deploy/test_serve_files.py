"""What is served at all: no pickles, nothing broken, no files from beyond the model's folder."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gobhir.deploy.about import KEY
from gobhir.deploy.serve.model import Served
from tests.deploy.serve_models import drawing, numbers


class Harmful:
    """Unpickled, it would leave a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


def test_pickled_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    content = pickle.dumps(Harmful(trace))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("model/data.pkl", content)
    for name in ("model.pt", "model.pth", "model.pkl", "model.onnx"):
        for stored in (content, packed.getvalue()):
            (tmp_path / name).write_bytes(stored)
            with pytest.raises(ValueError, match="pickle"):
                Served(tmp_path / name)
    assert not trace.exists()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    whole = numbers(tmp_path).read_bytes()
    path = tmp_path / "broken.onnx"
    for content in (b"", b"hello", b"\x00" * 99, whole[: len(whole) // 3]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="broken.onnx"):
            Served(path)
    (tmp_path / "model.h5").write_bytes(whole)
    with pytest.raises(ValueError, match="export"):
        Served(tmp_path / "model.h5")
    with pytest.raises(FileNotFoundError, match="none.onnx"):
        Served(tmp_path / "none.onnx")
    with pytest.raises(IsADirectoryError):
        (tmp_path / "folder.onnx").mkdir()
        Served(tmp_path / "folder.onnx")


def with_weights_in(place: str, folder: Path) -> Path:
    """A model whose weights lie in another file."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=place)
    weight.external_data.add(key="length", value="8")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "outside.onnx").write_bytes(model.SerializeToString())
    return folder / "outside.onnx"


def test_weights_lie_beside_the_model_or_it_is_not_opened(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(np.array([1, 2], np.float32).tobytes())
    (home / "link").symlink_to(secret)
    for place in ("../secret", str(secret), "a/../../secret", "link", "..\\secret"):
        with pytest.raises(ValueError, match="outside of its own folder"):
            Served(with_weights_in(place, home))
    (home / "weights").write_bytes(secret.read_bytes())
    served = Served(with_weights_in("weights", home))
    assert served.run([np.ones(2, np.float32)])[0].tolist() == [2, 3]


def test_a_description_of_another_model_is_told(tmp_path: Path) -> None:
    texts = {p.key: p.value for p in onnx.load(drawing(tmp_path)).metadata_props}
    for change in (
        lambda text: text.replace('"size": 8', '"size": 12'),
        lambda text: text.replace('"9"', '"9", "10"').replace('"৯"', '"৯", "১০"'),
        lambda text: '{"labels": 3}',
    ):
        model = onnx.load(tmp_path / "drawing.onnx")
        model.metadata_props[0].value = change(texts[KEY])
        onnx.save(model, tmp_path / "changed.onnx")
        with pytest.raises(ValueError, match="says of itself|description"):
            Served(tmp_path / "changed.onnx")
