"""The three published layouts, made here as small as can be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from gobhir.projects.anomaly.footage import watched
from gobhir.projects.anomaly.published import published
from tests.projects.anomaly.drawn import film, yard

FRAMES = 12
LABELS = np.arange(FRAMES) >= 7


def stills(folder, frames, suffix: str) -> None:
    folder.mkdir(parents=True)
    first = 0 if suffix == "jpg" else 1
    for k, pixels in enumerate(frames):
        Image.fromarray(pixels).save(folder / f"{k + first:03}.{suffix}")


def masks() -> list[np.ndarray]:
    """One a frame: (48, 64) bytes with a few pixels set where LABELS says so."""
    found = [np.zeros((48, 64), np.uint8) for _ in LABELS]
    for mask, unusual in zip(found, LABELS, strict=True):
        mask[3:6, 3:9] = unusual
    return found


def ucsd(folder) -> None:
    frames, _ = yard(FRAMES)
    grey = frames[..., 0]
    stills(folder / "Train" / "Train001", grey, "tif")
    stills(folder / "Test" / "Test001", grey, "tif")
    stills(folder / "Test" / "Test001_gt", [255 * m for m in masks()], "bmp")
    stills(folder / "Test" / "Test002", grey, "tif")  # as in Ped1: not every clip has masks


def avenue(folder) -> None:
    frames, _ = yard(FRAMES)
    film(folder / "training_videos" / "01.avi", frames)
    film(folder / "testing_videos" / "01.avi", frames)
    cells = np.empty((1, FRAMES), object)
    for k, mask in enumerate(masks()):
        cells[0, k] = mask
    place = folder / "ground_truth_demo" / "testing_label_mask"
    place.mkdir(parents=True)
    savemat(place / "1_label.mat", {"volLabel": cells})


def shanghaitech(folder) -> None:
    frames, _ = yard(FRAMES)
    film(folder / "training" / "videos" / "01_001.avi", frames)
    stills(folder / "testing" / "frames" / "01_0014", frames, "jpg")
    place = folder / "testing" / "test_frame_mask"
    place.mkdir(parents=True)
    np.save(place / "01_0014.npy", LABELS.astype(np.int32))


@pytest.mark.parametrize(
    ("make", "kind", "train", "test"),
    [
        (ucsd, "UCSD", "Train001", "Test001"),
        (avenue, "Avenue", "01", "01"),
        (shanghaitech, "ShanghaiTech", "01_001", "01_0014"),
    ],
)
def test_each_layout_gives_its_frames_and_labels(make, kind, train, test, tmp_path) -> None:
    make(tmp_path)
    found = published(tmp_path)
    assert found is not None and found.kind == kind
    assert [c.name for c in found.train] == [train] and [c.name for c in found.test] == [test]
    assert found.train[0].labels is None
    np.testing.assert_array_equal(found.test[0].labels, LABELS)
    frames, _ = yard(FRAMES)
    for clip in (*found.train, *found.test):
        seen = watched(clip, rate=10, fps=10, height=48, width=64)
        assert seen.greys.shape == (FRAMES, 48, 64) and seen.shape == (48, 64)
        assert seen.frames == FRAMES and seen.numbers.tolist() == list(range(FRAMES))
        # The bright thing is where it was drawn, in its frame's place in time.
        for k in (0, 6, 11):
            there = np.argmax(seen.greys[k, 36:44].mean(0).astype(float))
            x = 28 + round(24 * np.sin(k / 6))
            assert x - 1 <= there <= x + 8


def test_another_folder_is_none_of_them(tmp_path) -> None:
    (tmp_path / "Train").mkdir()
    assert published(tmp_path) is None


def test_what_is_missing_is_named(tmp_path) -> None:
    avenue(tmp_path / "a")
    (mat,) = (tmp_path / "a").rglob("*.mat")
    mat.write_bytes(b"no mat")
    with pytest.raises(ValueError, match=r"1_label\.mat"):
        published(tmp_path / "a")
    mat.unlink()
    with pytest.raises(ValueError, match=r"1_label\.mat"):
        published(tmp_path / "a")
    shanghaitech(tmp_path / "s")
    np.save(tmp_path / "s" / "testing" / "test_frame_mask" / "01_0014.npy", LABELS[:5])
    (clip,) = published(tmp_path / "s").test
    with pytest.raises(ValueError, match="12 frames but 5 labels"):
        watched(clip, 10, 10, 48, 64)
    (tmp_path / "s" / "testing" / "test_frame_mask" / "01_0014.npy").unlink()
    with pytest.raises(ValueError, match=r"01_0014\.npy"):
        published(tmp_path / "s")
    (tmp_path / "u" / "Train").mkdir(parents=True)
    (tmp_path / "u" / "Test").mkdir()
    with pytest.raises(ValueError, match="0 clips"):
        published(tmp_path / "u")
