"""From a series to windows: no window sees what comes after it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gobhir.projects.sequences.windows import Recipe, Series, past, truth


def series(values, extra=None) -> Series:
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=len(values)), "rain": values})
    if extra is not None:
        frame["wind"] = extra
    return Series.of(frame, "day", "rain")


LINE = series(np.arange(100.0), np.arange(100.0) ** 2)


def test_a_window_ends_at_its_origin_and_the_answer_begins_after_it() -> None:
    origins = np.array([9, 20])
    assert truth(LINE, origins, 3).tolist() == [[10, 11, 12], [21, 22, 23]]
    assert past(LINE, origins, 2).tolist() == [[8, 9], [19, 20]]
    recipe = Recipe.learn(LINE, np.arange(10, 60), window=4, ahead=3)
    x = recipe.inputs(LINE, origins)
    assert x.shape == (2, 4, 4) and x.dtype == np.float32
    unscaled = x[0, :, 0] * recipe.std[0] + recipe.mean[0]
    np.testing.assert_allclose(unscaled, [6, 7, 8, 9], atol=1e-4)


def test_what_comes_later_changes_no_window() -> None:
    origins = np.arange(10, 60)
    changed = series(
        np.r_[np.arange(63.0), np.full(37, 1e6)], np.r_[np.arange(63.0) ** 2, np.full(37, -1e6)]
    )
    recipes = [Recipe.learn(s, origins, window=4, ahead=3) for s in (LINE, changed)]
    assert recipes[0] == recipes[1]
    np.testing.assert_array_equal(
        recipes[0].inputs(LINE, origins), recipes[1].inputs(changed, origins)
    )


def test_targets_are_differences_from_the_origin_and_come_back() -> None:
    wave = series(np.sin(np.arange(100.0)))
    origins = np.arange(10, 60)
    recipe = Recipe.learn(wave, origins, window=4, ahead=3)
    y = recipe.targets(wave, origins)
    np.testing.assert_allclose(y.std(), 1, rtol=1e-5)
    np.testing.assert_allclose(recipe.values(wave, origins, y), truth(wave, origins, 3), atol=1e-6)
    naive = recipe.values(wave, origins, np.zeros_like(y))
    assert (naive == wave.values[origins, :1]).all()


def test_a_gap_holds_the_last_value_that_was_known() -> None:
    found = series([np.nan, 2, np.nan, np.nan, 5])
    assert found.values[:, 0].tolist() == [2, 2, 2, 5]
    assert found.times[0] == pd.Timestamp("2024-01-02")


def test_the_file_holds_all_of_it() -> None:
    recipe = Recipe.learn(LINE, np.arange(10, 60), window=4, ahead=3)
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ({"day": ["2024-01-01", "soon"], "rain": [1.0, 2.0]}, "Line 3"),
        ({"day": ["2024-01-02", "2024-01-01"], "rain": [1.0, 2.0]}, "Line 3"),
        ({"day": ["2024-01-01", "2024-01-01"], "rain": [1.0, 2.0]}, "Line 3"),
        ({"day": ["2024-01-01", "2024-01-02"], "rain": ["much", "little"]}, "'rain'"),
        ({"day": ["2024-01-01", "2024-01-02"], "rain": [np.nan, np.nan]}, "rain"),
    ],
)
def test_a_table_that_is_no_series(frame: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Series.of(pd.DataFrame(frame), "day", "rain")


def test_a_series_that_stands_still() -> None:
    with pytest.raises(ValueError, match="never changes"):
        Recipe.learn(series(np.full(50, 3.0)), np.arange(5, 40), window=4, ahead=2)
