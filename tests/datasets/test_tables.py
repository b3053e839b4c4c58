"""read_table: every cell as it was written, and the line of whatever is wrong."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gobhir.datasets import read_table
from gobhir.lang import LANGUAGES

# A word, so that no column of words looks like one of numbers.
words = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12).map(
    "w".__add__
)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOBHIR_LANG", "en")


def write(folder: Path, data: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def refused(path: Path, **wishes: Any) -> str:
    with pytest.raises(ValueError) as caught:
        read_table(path, **wishes)
    assert all(str(path) in caught.value.args[0].text(lang) for lang in LANGUAGES)
    return str(caught.value)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(words, numbers), min_size=1, max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
    suffix=st.sampled_from([".csv", ".tsv"]),
    mark=st.booleans(),
)
def test_what_was_written_comes_back(
    rows: list, end: str, suffix: str, mark: bool, tmp_path: Path
) -> None:
    path = tmp_path / f"table{suffix}"
    with path.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if suffix == ".tsv" else ",", lineterminator=end)
        writer.writerows([("নাম", "number"), *rows])
    frame = read_table(path, columns=["নাম"], numeric=["number"], missing="refuse")
    assert frame["নাম"].tolist() == [word.strip() for word, _ in rows]
    assert frame["number"].tolist() == [number for _, number in rows]


def test_as_pandas_reads_it(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c\n1,2.5,x\n-3,,\n7,1e3,z\n")
    pandas.testing.assert_frame_equal(
        read_table(path), pandas.read_csv(path), check_dtype=False, check_column_type=False
    )


def test_gaps(tmp_path: Path) -> None:
    path = write(tmp_path, "x,word\n1,a\n\nNA,nan\n ,\n")
    frame = read_table(path)
    assert frame["x"][0] == 1 and all(math.isnan(value) for value in frame["x"][1:])
    assert frame["word"][0] == "a" and frame["word"][1:].isna().all()
    told = refused(path, numeric=["x"], missing="refuse")
    assert "'x'" in told and "2 of 3" in told and "line 4" in told
    with pytest.raises(ValueError, match="'drop'"):
        read_table(path, missing="drop")


def test_bangla_digits_are_digits(tmp_path: Path) -> None:
    assert read_table(write(tmp_path, "দাম\n১২.৫\n৭\n"))["দাম"].tolist() == [12.5, 7]


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        ("a,,c\n1,2,3", ["column 2"]),
        ("a,b, a\n1,2,3", ["'a'"]),
        ("a,b\n1,2\n\n3,4,5\n", ["line 4", "3 cells", "2 names"]),
        ("a,b\n1\n", ["line 2", "2 names"]),
        ('a,b\n1,2\n"open,3\n4,5\n', ["line 3", "quotes"]),
        ('a,b\n1,"x"y\n', ["line 2", "quotes"]),
        ("a,b\n1,ঢাকা\n2,".encode() + b"x\xe9y\n", ["line 3", "byte 22", "0xe9"]),
        (b"\xef\xbb\xbfa\n\xff\n", ["line 2", "byte 5", "0xff"]),
        ("a,b\n1,2\n".encode("utf-16"), ["line 1", "byte 0", "0xff"]),
    ],
)
def test_no_table(data: str | bytes, parts: list[str], tmp_path: Path) -> None:
    told = refused(write(tmp_path, data))
    assert all(part in told for part in parts), told


def test_columns_that_are_missing(tmp_path: Path) -> None:
    path = write(tmp_path, "Price,rooms\n1,2\n")
    assert "Did you mean 'Price'" in refused(path, columns=["price"])
    assert "It has: Price, rooms" in refused(path, numeric=["colour"])


@pytest.mark.parametrize(("mark", "name"), [(";", "x.csv"), ("\t", "x.csv"), (",", "x.tsv")])
def test_other_separators(mark: str, name: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"price{mark}rooms\n1{mark}2\n", name)
    assert "another character" in refused(path, columns=["price"])


def test_words_where_numbers_are_wanted(tmp_path: Path) -> None:
    path = write(tmp_path, "price\n12\ndear\n")
    assert read_table(path)["price"].tolist() == ["12", "dear"]
    told = refused(path, numeric=["price"])
    assert "line 3" in told and "'dear'" in told


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_table(tmp_path / "nothing.csv")
