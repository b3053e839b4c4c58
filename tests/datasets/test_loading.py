"""load: what comes out is what lies in the files, and it says so where they are not there."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets as scikit

from gobhir.datasets import catalogue, load
from gobhir.lang import LANGUAGES


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOBHIR_DATA", raising=False)


BANGLA = re.compile(r"[ -~\u0980-\u09ff\u0964×]")
"""What the catalogue's Bangla is written with."""
IMAGES = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28) % 21
LABELS = np.array([7, 0, 9], np.uint8)


def write_numta(folder: Path, images: np.ndarray = IMAGES, labels: np.ndarray = LABELS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "numta_28.npz", images=images, labels=labels)


@pytest.mark.parametrize("name", ["breast_cancer", "wine"])
def test_tables_are_scikit_learns(name: str) -> None:
    mine, theirs = load(name), getattr(scikit, f"load_{name}")()
    assert mine.genuine
    assert np.array_equal(mine.frame.drop(columns="target").to_numpy(), theirs.data)
    assert np.array_equal(mine.labels, theirs.target)
    assert len(mine.classes("bn")) == len(mine.classes("en")) == len(theirs.target_names)


def test_diabetes_is_as_measured() -> None:
    frame = load("diabetes").frame
    assert frame["age"].between(19, 79).all()
    x = frame.drop(columns="target").to_numpy()
    scaled = (x - x.mean(axis=0)) / x.std(axis=0) / np.sqrt(len(x))
    assert np.allclose(scaled, scikit.load_diabetes().data, atol=1e-6)


def test_digits_are_images() -> None:
    mine, theirs = load("digits"), scikit.load_digits()
    assert mine.images.dtype == np.uint8
    assert np.array_equal(mine.images, theirs.images) and np.array_equal(mine.labels, theirs.target)


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        load("wine")


def test_a_package_reads_its_own_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scikit-learn"):
        load("wine", folder=tmp_path)


def test_the_shared_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_numta(tmp_path / "numta_bangla_digits")
    monkeypatch.setenv("GOBHIR_DATA", str(tmp_path))
    with pytest.warns(UserWarning, match=r"numta_28\.npz"):
        data = load("numta")
    assert np.array_equal(data.images, IMAGES) and data.labels.tolist() == [7, 0, 9]
    assert not data.genuine and data.folder == tmp_path / "numta_bangla_digits"
    assert data.classes("bn")[7] == "৭"


def test_a_folder_of_ones_own_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_numta(tmp_path / "shared" / "numta_bangla_digits")
    write_numta(tmp_path / "own", IMAGES[:1], LABELS[:1])
    monkeypatch.setenv("GOBHIR_DATA", str(tmp_path / "shared"))
    with pytest.warns(UserWarning):
        assert len(load("numta", folder=tmp_path / "own").labels) == 1
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        load("numta", folder=tmp_path / "elsewhere")


def test_splits_of_texts(tmp_path: Path) -> None:
    lines = {
        "train": 'id\ttext\tclass_label\n1\t"সে বলল ""ভালো"""\tpositive\n2\tবাজে\tnegative\n',
        "dev": "id\ttext\tclass_label\r\n3\tহ্যাঁ\tpositive\r\n",
        "test": "id\ttext\tclass_label\n4\tনা\tnegative",
    }
    for split, text in lines.items():
        (tmp_path / f"sazzadcsedu_{split}.tsv").write_bytes(text.encode())
    with pytest.warns(UserWarning):
        data = load("sazzad", folder=tmp_path)
    assert data.texts == ['সে বলল "ভালো"', "বাজে", "হ্যাঁ", "না"]
    assert data.labels.tolist() == [1, 0, 1, 0]
    assert data.splits.tolist() == ["train", "train", "dev", "test"]


def test_texts_by_class(tmp_path: Path) -> None:
    (tmp_path / "socian_bangla.neg").write_text('" বাজে "\n\n"বাজে "\n', encoding="utf-8")
    (tmp_path / "socian_bangla.pos").write_text('" ভালো "', encoding="utf-8")
    with pytest.warns(UserWarning):
        data = load("socian", folder=tmp_path)
    assert data.texts == ["বাজে", "বাজে", "ভালো"] and data.labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_nowhere_says_what_to_do(lang: str, learners_folder: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load("numta", download=False)
    told = caught.value.args[0].text(lang)
    assert "numta_28.npz" in told and "github.com" in told and "digits" in told
    assert str(learners_folder / "data" / "numta_bangla_digits") in told


def test_unknown_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOBHIR_LANG", "en")
    with pytest.raises(ValueError, match="Did you mean numta"):
        load("numtas")
    with pytest.raises(ValueError, match="There are: diabetes"):
        load("xyzzy")


def test_what_a_set_does_not_have() -> None:
    data = load("wine")
    assert data.has("frame") and not data.has("texts")
    with pytest.raises(AttributeError, match="frame"):
        _ = data.texts


def test_the_catalogue_is_whole() -> None:
    entries = catalogue()
    for name, card in entries.items():
        assert set(card.what) == set(LANGUAGES) and all(card.what.values()), name
        assert not card.note or set(card.note) == set(LANGUAGES), name
        assert all(set(text) == set(LANGUAGES) for text in card.classes), name
        for text in (card.what, card.note, *card.classes):
            assert all(BANGLA.fullmatch(letter) for letter in text.get("bn", "")), name
            assert unicodedata.is_normalized("NFC", text.get("bn", "")), name
        assert card.next_best in entries and card.next_best != name
        assert card.source.startswith("https://") and card.cite
        assert card.files or card.tree, name
        for file in (*card.files, *card.archives, *filter(None, [card.tree])):
            assert file.size > 0 and len(bytes.fromhex(file.sha256)) == 32


def test_what_is_not_asked_for_is_not_imported() -> None:
    """Each reader imports what it needs when it runs."""
    code = "import sys, gobhir.datasets; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numpy" in done.stdout.split()
    assert not {"sklearn", "pandas", "PIL", "rich", "torch", "scipy"} & set(done.stdout.split())
