"""What comes in becomes arrays: drawings, sentences."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gobhir.deploy import Text
from gobhir.deploy.drawing import drawn
from gobhir.deploy.tokens import numbers, pieces, words


def page(
    size: tuple[int, int] = (100, 80),
    at: tuple[int, int] = (20, 15),
    scale: float = 1.0,
    paper: int = 255,
    ink: int = 0,
    width: int = 5,
) -> np.ndarray:
    """A hook drawn with a pen on a page."""
    picture = Image.new("L", size, paper)
    line = [(at[0] + scale * x, at[1] + scale * y) for x, y in ((0, 0), (0, 36), (24, 36))]
    ImageDraw.Draw(picture).line(line, fill=ink, width=round(width * scale), joint="curve")
    return np.asarray(picture)


def test_bright_ink_in_a_box_centred_by_mass() -> None:
    out = drawn(page())
    assert out.shape == (28, 28) and out.dtype == np.float32 and 0 <= out.min() < out.max() <= 1
    rows, columns = (np.flatnonzero((out > 0.2).any(a)) for a in (1, 0))
    assert 19 <= rows[-1] - rows[0] + 1 <= 21 and columns[-1] - columns[0] + 1 <= 21
    y, x = ((out.sum(a) @ np.arange(28)) / out.sum() for a in (1, 0))
    assert abs(y - 13.5) <= 0.5 and abs(x - 13.5) <= 0.5


SAME = {
    "inverted": page(paper=0, ink=255),
    "elsewhere": page(at=(60, 38)),
    "larger": page((300, 280), (90, 70), 3),
    "grey paper": page(paper=150, ink=60),
    "light pen on dark": page(paper=90, ink=200),
    "colour": np.stack([page()] * 3, -1),
    "from 0 to 1": page() / 255,
    "a wide page": page((400, 80)),
}


@pytest.mark.parametrize("name", SAME)
def test_paper_pen_size_and_place_make_no_difference(name: str) -> None:
    assert np.abs(drawn(SAME[name]) - drawn(page())).mean() < 0.05


def test_specks_and_grain_are_no_ink() -> None:
    noisy = page().astype(np.float32) + np.random.default_rng(0).normal(0, 6, (80, 100))
    noisy = np.clip(noisy, 0, 255).astype(np.uint8)
    noisy[2, 97] = 0
    assert np.abs(drawn(noisy) - drawn(page())).mean() < 0.02


def test_an_empty_page_is_empty() -> None:
    faint = np.full((30, 30), 200, np.uint8)
    faint[10:12] = 195
    for blank in (np.full((30, 30), 255, np.uint8), np.zeros((1, 1)), faint, np.zeros((0, 4))):
        assert not drawn(blank).any()


def test_words_keep_the_vowel_signs_of_bangla() -> None:
    assert words("আমি ভালো আছি, ধন্যবাদ! GPT-4") == [
        "আমি", "ভালো", "আছি", ",", "ধন্যবাদ", "!", "GPT", "-", "4",
    ]  # fmt: skip


def test_sentences_become_numbers() -> None:
    form = Text(vocabulary=("<pad>", "<unk>", "খুব", "ভালো"), length=5)
    assert numbers("খুব খুব ভালো নয়", form).tolist() == [2, 2, 3, 1, 0]
    assert numbers("ভালো " * 9, form).tolist() == [3] * 5
    ends = Text(vocabulary=("<pad>", "<unk>", "a", "<s>", "</s>"), length=4, begin=3, end=4)
    assert numbers("A a a a", ends).tolist() == [3, 2, 2, 4]
    assert numbers("", ends).tolist() == [3, 4, 0, 0]
    letters = Text(level="characters", vocabulary=("<pad>", "<unk>", "a", " "), length=4)
    assert numbers("a b", letters).tolist() == [2, 3, 1, 0]


def test_pairs_are_merged_in_the_order_of_training() -> None:
    merges = (("l", "o"), ("lo", "w▁"), ("e", "r▁"), ("n", "e"))
    form = Text(level="bpe", vocabulary=("<pad>", "<unk>"), merges=merges)
    assert pieces("low lower newer", form) == ["low▁", "lo", "w", "er▁", "ne", "w", "er▁"]
