"""What becomes of a table: numbers are scaled, words become columns, gaps are filled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gobhir.projects.tables.frame import MANY, Column, Recipe, is_classification, own_table

HOUSES = pd.DataFrame(
    {
        "area": [60.0, 80.0, None, 120.0],
        "district": ["Dhaka", "Sylhet", "Dhaka", None],
        "country": ["BD"] * 4,
        "price": [30.0, 40.0, 50.0, 80.0],
    }
)


def learned() -> Recipe:
    return Recipe.learn(HOUSES, "price", classification=False)


def test_numbers_are_scaled_and_words_become_columns() -> None:
    recipe = learned()
    x = recipe.inputs(HOUSES)
    assert x.shape == (4, 3) and x.dtype == np.float32
    np.testing.assert_allclose(x[:, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(x[:, 0].std(), 1, atol=1e-6)
    np.testing.assert_allclose(x[2, 0] * recipe.columns[0].std + recipe.columns[0].mean, 80)
    assert x[:, 1:].tolist() == [[1, 0], [0, 1], [1, 0], [0, 0]]
    assert recipe.dropped == ("country",)


def test_targets_are_scaled_and_come_back() -> None:
    recipe = learned()
    y = recipe.targets(HOUSES)
    assert y.shape == (4, 1)
    np.testing.assert_allclose(y[:, 0] * recipe.std + recipe.mean, HOUSES["price"], rtol=1e-6)


def test_a_word_never_seen_is_zero_everywhere() -> None:
    new = HOUSES.assign(district="Rangpur")
    assert not learned().inputs(new)[:, 1:].any()


def test_a_row_does_not_change_with_the_rows_beside_it() -> None:
    recipe = learned()
    together = recipe.inputs(HOUSES)
    alone = [recipe.inputs(HOUSES.iloc[[k]])[0] for k in range(4)]
    np.testing.assert_array_equal(together, alone)


def test_the_file_holds_all_of_it() -> None:
    recipe = learned()
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_classes_are_numbered_in_order() -> None:
    recipe = Recipe.learn(HOUSES.dropna(), "district", classification=True)
    assert recipe.classes == ("Dhaka", "Sylhet")
    assert recipe.targets(HOUSES.dropna()).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (HOUSES.drop(columns="area"), "area"),
        (HOUSES.assign(area=["60", "80", "big", "120"]), "'big'"),
    ],
)
def test_rows_that_do_not_fit(frame: pd.DataFrame, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        learned().inputs(frame)


def test_a_table_that_tells_nothing() -> None:
    with pytest.raises(ValueError, match="no column tells"):
        Recipe.learn(HOUSES[["country", "price"]], "price", classification=False)
    with pytest.raises(ValueError, match="nothing to learn"):
        Recipe.learn(HOUSES, "country", classification=True)
    with pytest.raises(ValueError, match="nothing to learn"):
        Recipe.learn(HOUSES.assign(price=7.0), "price", classification=False)


def test_names_tell_rows_apart_not_kinds() -> None:
    names = pd.Series([f"house {k}" for k in range(MANY + 1)])
    assert Column.learn("name", names) is None
    assert Column.learn("name", names[:MANY]) is not None


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30))
def test_a_scaled_column_is_finite_and_ordered(values: list[float]) -> None:
    series = pd.Series(values)
    column = Column.learn("x", series)
    if column is None:
        assert series.std(ddof=0) == 0
        return
    found = column.apply(series)[:, 0]
    assert np.isfinite(found).all()
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


@pytest.mark.parametrize(
    ("goal", "task", "classes"),
    [
        (["yes", "no"] * 20, "auto", True),
        ([True, False] * 20, "auto", True),
        ([1, 2, 3] * 20, "auto", True),
        (list(range(60)), "auto", False),
        ([0.5, 1.5] * 20, "auto", False),
        ([1, 2, 3] * 20, "regression", False),
        (list(range(60)), "classification", True),
    ],
)
def test_whether_the_target_is_a_class(goal: list, task: str, classes: bool) -> None:
    assert is_classification(pd.Series(goal), task) is classes


def test_a_table_of_ones_own(tmp_path) -> None:
    path = tmp_path / "houses.csv"
    path.write_text("area,price\n60,30\n80,\n", encoding="utf-8")
    with pytest.raises(ValueError, match="--target"):
        own_table(path, None)
    with pytest.raises(ValueError, match="area, price"):
        own_table(path, "rent")
    with pytest.raises(ValueError, match="line 3"):
        own_table(path, "price")
    frame, target = own_table(path, "area")
    assert target == "area" and frame["area"].tolist() == [60, 80]
