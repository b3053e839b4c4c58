"""What becomes of films and of the catalogue's strips."""

from __future__ import annotations

import io
import zipfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gobhir.evaluation import leaks
from gobhir.projects import Project
from gobhir.projects.video.clips import cut, listed, of_strips, read_folder, squeezed
from gobhir.projects.video.data import Views, folds, view
from tests.projects.video.staged import film


def settings(**wishes):
    return Project("video").settings(**{"size": 32, "frames": 4, "folds": 2, **wishes})


def test_a_folder_of_films(films) -> None:
    clips = read_folder(films, settings(data=str(films)))
    assert clips.classes == ["fight", "শান্ত"]
    assert clips.pixels.shape == (24, 4, 32, 32, 3) and clips.pixels.dtype == np.uint8
    assert clips.labels.tolist() == [0] * 12 + [1] * 12
    assert len(set(clips.groups.tolist())) == 24
    assert clips.names[0] == "fight/0.mp4 [0]"


def test_a_long_film_is_cut_and_stays_one_source(films, tmp_path) -> None:
    draw = np.random.default_rng(1)
    long = film(tmp_path / "long.mp4", draw, 47)
    whole = list(cut(long, 60.0, 47, 48))
    parts = list(cut(long, 2.0, 20, 48))
    assert [len(one) for one in whole] == [47] and [len(one) for one in parts] == [20, 20]
    np.testing.assert_array_equal(np.concatenate(parts), whole[0][:40])
    # A film of two clips' length to the frame gives two.
    assert len(list(cut(film(tmp_path / "four.mp4", draw, 40), 2.0, 4, 32))) == 2
    for name in ("a", "b"):
        for k in range(2):
            film(tmp_path / "sport" / name / f"{k}.mp4", draw, 40)
            film(tmp_path / "sport" / name / f"market__{k}.mp4", draw)
    clips = read_folder(tmp_path / "sport", settings(data="sport"))
    assert len(clips) == 12
    assert np.bincount(clips.groups).tolist() == [2, 2, 2, 2, 4]


def test_all_of_a_frame_is_in_the_square() -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 60:] = 200
    small = squeezed(wide, 20)
    assert small.shape == (20, 20, 3)
    assert (small[:, :10] == 0).all() and (small[:, 10:] == 200).all()


def test_what_is_no_folder_of_films_says_why(films, tmp_path) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        listed(tmp_path / "nowhere", 2)
    film(tmp_path / "one" / "a" / "1.mp4", np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"found: a\)"):
        listed(tmp_path / "one", 1)
    with pytest.raises(ValueError, match=r"fight \(12\), শান্ত \(12\)"):
        listed(films, 13)
    for name in ("a/2", "b/1", "b/2"):
        film(tmp_path / "one" / f"{name}.mp4", np.random.default_rng(0), 3)
    (tmp_path / "one" / "b" / "1.mp4").write_bytes(b"no film" * 99)
    with pytest.raises(ValueError, match=r"\(1\).*\n.*1\.mp4"):
        read_folder(tmp_path / "one", settings(data="one"))


def strips(folder, count: int = 12):
    """A data set laid out as the catalogue's: frame t of clip k is of the grey 10 t + k."""
    path = folder / "clips_16x128.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(count):
            strip = np.repeat(10 * np.arange(16, dtype=np.uint8) + k, 32)[:, None, None]
            file = io.BytesIO()
            Image.fromarray(np.tile(strip, (1, 32, 3))).save(file, "PNG")
            archive.writestr(f"c{k}.jpg", file.getvalue())
    rows = {
        "clip": [f"c{k}" for k in range(count)],
        "label": [k % 2 for k in range(count)],
        "source_group": [-1 if k < 4 else k // 4 for k in range(count)],
    }
    card = SimpleNamespace(classes=[{"en": "no fight"}, {"en": "fight"}])
    return SimpleNamespace(frame=pd.DataFrame(rows), paths={path.name: path}, card=card)


def test_strips_are_cut_into_frames_and_unknown_sources_stand_alone(tmp_path) -> None:
    clips = of_strips(strips(tmp_path), 32)
    assert clips.pixels.shape == (12, 16, 32, 32, 3)
    assert clips.pixels[3, :, 5, 5, 0].tolist() == [10 * t + 3 for t in range(16)]
    assert np.bincount(np.unique(clips.groups, return_inverse=True)[1]).tolist() == [
        4,
        4,
        1,
        1,
        1,
        1,
    ]
    assert clips.groups[4] == clips.groups[7] != clips.groups[8]


def test_a_torn_archive_says_so(tmp_path) -> None:
    data = strips(tmp_path)
    data.frame.loc[0, "clip"] = "other"
    with pytest.raises(ValueError, match="other"):
        of_strips(data, 32)
    data.paths["clips_16x128.zip"].write_bytes(b"torn")
    with pytest.raises(ValueError, match="clips_16x128"):
        of_strips(data, 32)


def test_no_source_is_on_both_sides(tmp_path) -> None:
    clips = of_strips(strips(tmp_path, 40), 32)
    found = folds(clips, 3, 0)
    asked = np.sort(np.concatenate([one.test for one in found]))
    assert asked.tolist() == list(range(40))
    for one in found:
        parts = {"train": one.train, "validation": one.validation, "test": one.test}
        assert leaks(parts, clips.groups) == 0
        assert sum(map(len, parts.values())) == 40


def test_a_view_changes_all_frames_alike() -> None:
    own = settings(data="films", sampling="uniform")
    still = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8)
    still[:] = still[0]
    for seed in range(5):
        x = view(still, own, np.random.default_rng(seed)).numpy()
        assert x.shape == (4, 3, 32, 32) and x.min() >= 0 and x.max() <= 1
        np.testing.assert_array_equal(x[1:], np.broadcast_to(x[:1], x[1:].shape))
    plain = view(still, own, None).numpy()
    np.testing.assert_allclose(plain[0].transpose(1, 2, 0) * 255, still[0], atol=1e-4)


def test_batches_of_clips_are_drawn_anew_and_the_same_again(tmp_path) -> None:
    clips, own = of_strips(strips(tmp_path), 32), settings(frames=8, sampling="dense")
    one, other = (Views(clips, np.arange(12), own, learning=True) for _ in range(2))
    first, second, again = list(one), list(one), list(other)
    assert [len(y) for _, y in first] == [4, 4, 4]
    assert all((a[0] == b[0]).all() for a, b in zip(first, again, strict=True))
    assert any((a[0] != b[0]).any() for a, b in zip(first, second, strict=True))
    ((x, y),) = Views(clips, np.array([2]), own)
    assert (x[0, :, 0, 0, 0] * 255).round().tolist() == [10 * t + 2 for t in range(4, 12)]
    assert y.tolist() == [0]
