"""What a picture becomes: the same whatever the paper, the pen, the size and the place."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from gobhir.deploy import Drawing
from gobhir.projects.digits.data import Batches, classes, digits, form, kind, seen
from gobhir.projects.digits.hand import sample
from gobhir.projects.digits.stress import STRESS, stress

PICTURES, LABELS = sample(4, seed=3)
INK = PICTURES / np.float32(255)
PLAIN = seen(list(1 - INK))


def apart(pictures: list[np.ndarray], rows: slice | int = slice(None)) -> float:
    """How far from what the plain pictures become, as a mean over all pixels."""
    return float(np.abs(seen(pictures) - PLAIN[rows]).mean())


def test_a_digit_fills_its_box_in_the_middle() -> None:
    assert PLAIN.shape == (40, 1, 28, 28) and PLAIN.dtype == np.float32
    assert PLAIN.min() >= 0 and PLAIN.max() <= 1
    for digit in PLAIN[:, 0]:
        rows, columns = (np.flatnonzero((digit > 0.3).any(axis)) for axis in (1, 0))
        assert 20 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 24
        centre = [(digit.sum(axis) @ np.arange(28)) / digit.sum() for axis in (1, 0)]
        assert np.allclose(centre, 13.5, atol=2.5)


@settings(max_examples=20, deadline=None)
@given(
    paper=st.floats(0, 1),
    ink=st.floats(0, 1),
    rows=st.integers(0, 20),
    columns=st.integers(0, 20),
    row=st.integers(0, 39),
)
def test_paper_ink_and_place_make_no_difference(
    paper: float, ink: float, rows: int, columns: int, row: int
) -> None:
    if abs(paper - ink) < 0.15:
        ink = paper + (0.5 if paper < 0.5 else -0.5)
    page = np.pad(INK[row], ((rows, 20 - rows), (columns, 20 - columns)))
    # Different digits are 0.25 apart. A smaller digit is seen a little more coarsely.
    assert apart([paper + (ink - paper) * page], row) < 0.15


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.9, 6), row=st.integers(0, 39))
def test_size_makes_little_difference(scale: float, row: int) -> None:
    side = round(28 * scale)
    large = Image.fromarray(255 - PICTURES[row]).resize((side, side), Image.Resampling.BICUBIC)
    assert apart([np.asarray(large)], row) < 0.09


@pytest.mark.parametrize("name", ["inverted", "coloured", "off-centre", "jpeg", "faint", "loose"])
def test_what_is_not_of_the_pen_is_taken_away(name: str) -> None:
    assert apart(stress(name, INK)) < 0.05


@pytest.mark.parametrize("bright", [False, True])
def test_thick_ink_that_fills_the_paper_is_still_ink(bright: bool) -> None:
    """Cut out without a margin, with strokes so thick that half of the picture is ink."""
    for digit in PICTURES:
        large = Image.fromarray(digit).resize((112, 112))
        thick = large.filter(ImageFilter.MaxFilter(5))
        cut = np.asarray(thick.crop(thick.point(lambda v: 255 * (v > 60)).getbbox()))
        ink = np.asarray(Image.fromarray(cut).resize((32, 32))) / 255
        found = seen([ink if bright else 1 - ink])[0, 0]
        expected = np.asarray(Image.fromarray(np.float32(ink)).resize((22, 22)))
        assert np.corrcoef(found[3:25, 3:25].ravel(), expected.ravel())[0, 1] > 0.3


def test_a_line_of_the_paper_is_not_read() -> None:
    lined = 1 - INK[0].copy()
    lined[[3, 25]] = np.minimum(lined[[3, 25]], 0.6)
    assert apart([lined], 0) < 0.03


def test_a_speck_is_not_read() -> None:
    clean = 1 - np.pad(INK[0], 10)
    specked = clean.copy()
    specked[1, 1] = specked[46, 2] = 0
    assert np.abs(seen([specked]) - seen([clean])).mean() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (300, 9), (0, 7)])
def test_an_empty_page_stays_empty(shape: tuple[int, int]) -> None:
    for paper in (0.0, 0.5, 1.0):
        assert not seen([np.full(shape, paper)]).any()


def test_pictures_of_different_sizes_come_back_in_their_order() -> None:
    mixed = [np.kron(1 - INK[i], np.ones((k, k))) for i, k in enumerate((1, 3, 1, 2))]
    alone = np.concatenate([seen([one]) for one in mixed])
    assert np.allclose(seen(mixed), alone, atol=1e-2)


@pytest.mark.parametrize("name", STRESS)
def test_the_stress_copy_is_pictures_and_the_same_again(name: str) -> None:
    first, again, other = (stress(name, INK[:6], seed) for seed in (0, 0, 1))
    for picture in first:
        assert picture.dtype == np.uint8 and picture.ndim in (2, 3) and min(picture.shape[:2]) >= 8
        assert np.ptp(picture) > 20  # something can be seen
        Image.fromarray(picture).save(io.BytesIO(), "PNG")
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    if name not in ("plain", "tight"):  # which have little or no choice
        assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_sample_is_divided_once_and_for_all() -> None:
    data, again = digits("sample"), digits("sample")
    parts = [data.train, data.validation, data.test]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(400))
    assert all(np.array_equal(getattr(data, p), getattr(again, p)) for p in ("train", "test"))
    assert len(data.test) == 40 and (np.bincount(data.labels[data.test]) == 4).all()
    assert len(classes("sample")) == len(classes("numta")) == 10


def test_different_digits_stay_apart() -> None:
    first = [PLAIN[np.flatnonzero(digit == LABELS)[0], 0] for digit in range(10)]
    far = [np.abs(a - b).mean() for i, a in enumerate(first) for b in first[:i]]
    assert min(far) > 0.16


def test_clothes_are_shown_as_they_are() -> None:
    """Shades are what tells them apart: only grey, the size, and nothing else."""
    shades = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
    found = seen(list(shades), form("fashion_mnist"))
    assert found.shape == (3, 1, 28, 28)
    assert np.allclose(found[:, 0], shades / 255, atol=1e-6)
    assert isinstance(form("mnist"), Drawing) and kind("mnist_10k") == "latin"


def test_clothes_are_bent_and_get_no_other_pen() -> None:
    x = np.random.default_rng(0).random((40, 1, 28, 28)).astype(np.float32)
    (found, _) = next(iter(Batches(x, np.arange(40), 40, 0.0, seed=0, hand=False)))
    assert np.allclose(np.sort(found.mean((1, 2, 3))), np.sort(x.mean((1, 2, 3))), atol=1e-5)
    flat = np.full_like(x, 0.5)  # bending leaves one shade within a piece; soiling does not
    for hand, whole in ((False, True), (True, False)):
        (bent, _) = next(iter(Batches(flat, np.arange(40), 40, 1.0, seed=0, hand=hand)))
        middle = bent[:, 0, 12:16, 12:16]
        assert np.allclose(middle, 0.5, atol=1e-5) == whole
