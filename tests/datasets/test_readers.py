"""IDX, npz, rated texts, digits as JSON: what was put in comes out; what is broken is refused."""

from __future__ import annotations

import gzip
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gobhir.datasets import load
from gobhir.datasets.readers import arrays as npz
from gobhir.datasets.readers import idx
from gobhir.datasets.readers.arrays import read_npz
from gobhir.datasets.readers.idx import TYPES, read_idx
from gobhir.lang import LANGUAGES


def idx_bytes(array: np.ndarray) -> bytes:
    code = next(k for k, kind in TYPES.items() if np.dtype(kind) == array.dtype.newbyteorder(">"))
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def refused(read: Callable[[], object], key: str) -> None:
    with pytest.raises(ValueError) as caught:
        read()
    assert caught.value.args[0].key == key
    assert all(caught.value.args[0].text(lang) for lang in LANGUAGES)


@pytest.mark.parametrize("packed", [True, False])
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_idx(packed: bool, data: st.DataObject, tmp_path: Path) -> None:
    kind = np.dtype(data.draw(st.sampled_from(list(TYPES.values())))).newbyteorder("=")
    array = data.draw(arrays.arrays(kind, arrays.array_shapes(min_dims=0, min_side=0)))
    whole = idx_bytes(array)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(whole) if packed else whole)
    assert read_idx(path).dtype == kind and read_idx(path).tobytes() == array.tobytes()
    assert read_idx(path).shape == array.shape
    wrong = data.draw(st.sampled_from([whole[:-1], whole + b"x", b"x" + whole, whole[:3], b""]))
    path.write_bytes(gzip.compress(wrong) if packed else wrong)
    with pytest.raises(ValueError, match=str(path)):
        read_idx(path)


def test_half_an_idx_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.gz"
    packed = gzip.compress(idx_bytes(np.arange(1000, dtype=np.int32)))
    path.write_bytes(packed[:-500])
    refused(lambda: read_idx(path), "datasets.idx.broken")
    path.write_bytes(packed)
    monkeypatch.setattr(idx, "LARGEST", 1000)
    refused(lambda: read_idx(path), "datasets.idx.large")
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")


def test_fashion_mnist_from_a_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = {
        "train": rng.integers(0, 256, (5, 28, 28)),
        "t10k": rng.integers(0, 256, (2, 28, 28)),
    }
    for part, x in pictures.items():
        for kind, array in (("images-idx3", x), ("labels-idx1", np.arange(len(x)))):
            packed = gzip.compress(idx_bytes(array.astype(np.uint8)))
            (tmp_path / f"{part}-{kind}-ubyte.gz").write_bytes(packed)
    with pytest.warns(UserWarning):
        data = load("fashion_mnist", folder=tmp_path)
    assert np.array_equal(data.images, np.concatenate([*pictures.values()]))
    assert data.labels.tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert data.splits.tolist() == ["train"] * 5 + ["test"] * 2


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    np.savez(path, images=np.eye(3), labels=np.arange(3))
    assert np.array_equal(read_npz(path, ("images",))["images"], np.eye(3))
    refused(lambda: read_npz(path, ("images", "classes")), "datasets.npz.missing")
    whole = path.read_bytes()
    for cut in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"file\.npz"):
            read_npz(path, ("images", "labels"))


def test_an_npz_that_would_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.npz"
    np.savez_compressed(path, images=np.zeros(1_000_000))
    monkeypatch.setattr(npz, "LARGEST", 1_000_000)
    refused(lambda: read_npz(path, ("images",)), "datasets.npz.large")


class Trap:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("sprung"),))


def test_pickles_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("file.npz", images=np.array([Trap()], dtype=object))
    refused(lambda: read_npz(Path("file.npz"), ("images",)), "datasets.npz.pickled")
    for other in (pickle.dumps(Trap()), b"\x93NUMPY"):  # np.load would look at what it is
        Path("other.npz").write_bytes(other)
        refused(lambda: read_npz(Path("other.npz"), ("images",)), "datasets.npz.broken")
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("images", "labels", "key"),
    [
        (np.zeros((3, 4, 4)), np.zeros(2, int), "datasets.pair"),
        (np.zeros((3, 4)), np.zeros(3, int), "datasets.pair"),
        (np.zeros((3, 4, 4)), np.zeros(3), "datasets.label_type"),
        (np.zeros((3, 4, 4)), np.array([0, 10, 1]), "datasets.label"),
        (np.zeros((3, 4, 4)), np.array([0, 1, -1]), "datasets.label"),
    ],
)
@pytest.mark.filterwarnings("ignore:The files of numta:UserWarning")
def test_pictures_and_labels_fit(
    images: np.ndarray, labels: np.ndarray, key: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "numta_28.npz", images=images, labels=labels)
    refused(lambda: load("numta", folder=tmp_path), key)


@pytest.mark.filterwarnings("ignore:The files of mnist_10k:UserWarning")
def test_digits_as_json(tmp_path: Path) -> None:
    bytes_ = np.arange(256, dtype=np.uint8).repeat(49).reshape(16, 28, 28)  # each byte there is
    for digit in range(10):
        pictures = bytes_ if digit == 3 else bytes_[:1]
        numbers = [round(int(b) / 255, 3) for b in pictures.ravel()]
        (tmp_path / f"{digit}.json").write_text(json.dumps({"data": numbers}))
    data = load("mnist_10k", folder=tmp_path)
    assert np.array_equal(data.images[data.labels == 3], bytes_)
    assert np.bincount(data.labels).tolist() == [1, 1, 1, 16, 1, 1, 1, 1, 1, 1]
    for wrong in ("", "[]", '{"data": 1}', '{"data": [0.5]}', '{"data": ["a"]}', "[" * 100_000):
        (tmp_path / "3.json").write_text(wrong)
        refused(lambda: load("mnist_10k", folder=tmp_path), "datasets.json")


@pytest.mark.filterwarnings("ignore:The files of:UserWarning")
def test_rated_texts(tmp_path: Path) -> None:
    path = tmp_path / "movieReviewSnippets_GroundTruth.txt"
    path.write_text("1\t2.5\tFine.\r\n2\t0\tWell.\r\n3\t-0.5\tNo\u2028no.", encoding="utf-8")
    data = load("movie_reviews", folder=tmp_path)
    assert data.texts == ["Fine.", "No\u2028no."] and data.labels.tolist() == [1, 0]
    assert data.frame["rating"].tolist() == [2.5, -0.5]
    path.write_text("1\t2.5\tFine.\n2\tWell.\n")
    refused(lambda: load("movie_reviews", folder=tmp_path), "datasets.text.rated")
    path.write_text("1\tmuch\tFine.\n")
    refused(lambda: load("movie_reviews", folder=tmp_path), "datasets.table.not_number")


@pytest.mark.filterwarnings("ignore:The files of:UserWarning")
def test_unknown_classes_of_texts(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        file = tmp_path / f"sazzadcsedu_{split}.tsv"
        file.write_text("id\ttext\tclass_label\n1\tx\tgood\n", encoding="utf-8")
    refused(lambda: load("sazzad", folder=tmp_path), "datasets.text.label")
    (tmp_path / "sazzadcsedu_train.tsv").write_text("id\ttext\n1\tx\n")
    refused(lambda: load("sazzad", folder=tmp_path), "datasets.table.no_column")


@pytest.mark.filterwarnings("ignore:The files of:UserWarning")
def test_series(tmp_path: Path) -> None:
    file = tmp_path / "co2.csv"
    file.write_text("date,co2\n19580329,316.1\n19580405,\n")
    frame = load("co2", folder=tmp_path).frame
    assert frame["date"].diff().dt.days.tolist()[1] == 7 and frame["co2"].isna().tolist() == [0, 1]
    file.write_text("date,co2\n19581329,316.1\n")
    refused(lambda: load("co2", folder=tmp_path), "datasets.table.date")
