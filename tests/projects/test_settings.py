"""A project's settings: read from words, kept in a file, checked wherever they come from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gobhir
from gobhir.projects.settings import Settings, Wish, setting, write_weights


@dataclass(frozen=True)
class Kite(Settings):
    about: ClassVar[str] = "projects.command.about"

    string: float = setting(20.0, "projects.setting.seed", low=0.5, high=100)
    tails: int = setting(2, "projects.setting.seed", low=0)
    colour: Literal["red", "blue"] = setting("red", "projects.setting.seed")
    name: str | None = setting(None, "projects.setting.seed")
    flies: bool = setting(True, "projects.setting.seed")


def wish(name: str) -> Wish:
    return next(w for w in Kite.wishes() if w.name == name)


def test_a_word_is_read_as_its_field_says() -> None:
    assert wish("string").read("3") == 3.0 and isinstance(wish("string").read("3"), float)
    assert wish("tails").read("7") == 7
    assert wish("tails").read("৭") == 7
    assert wish("colour").read("blue") == "blue"
    assert wish("name").read("Kalboishakhi") == "Kalboishakhi"
    assert wish("tails").option == "--tails"


@pytest.mark.parametrize(
    ("name", "word", "told"),
    [
        ("string", "0.4", "between 0.5 and 100"),
        ("string", "nan", "between 0.5 and 100"),
        ("string", "long", "--string"),
        ("tails", "-1", "from 0 on"),
        ("tails", "2.5", "--tails"),
        ("colour", "green", "red, blue"),
    ],
)
def test_a_word_that_makes_no_sense(name: str, word: str, told: str) -> None:
    with pytest.raises(ValueError) as error:
        wish(name).read(word)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "wrong", [{"tails": 1.5}, {"tails": True}, {"flies": 1}, {"colour": None}, {"name": 3}]
)
def test_a_value_of_another_kind(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(TypeError, match=name):
        Kite(**wrong)  # type: ignore[arg-type]


@given(
    st.builds(
        Kite,
        seed=st.integers(0, 2**31 - 1),
        string=st.floats(0.5, 100),
        tails=st.integers(0, 10**9),
        colour=st.sampled_from(["red", "blue"]),
        name=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        flies=st.booleans(),
    )
)
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, kite: Kite) -> None:
    folder = tmp_path_factory.mktemp("kite") / "new"
    kite.save(folder)
    assert Kite.load(folder) == kite
    assert [file.name for file in folder.iterdir()] == ["settings.json"]


def test_a_folder_where_nothing_was_trained(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing has been trained"):
        Kite.load(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "3", '{"wings": 2}', '{"tails": "two"}'])
def test_a_file_of_something_else(tmp_path, content: str) -> None:
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises((ValueError, TypeError)) as error:
        Kite.load(tmp_path)
    assert "settings.json" in str(error.value) or "tails" in str(error.value)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path) -> None:
    Kite().save(tmp_path)
    (tmp_path / "settings.json.part").mkdir()  # where the new one would be written first
    with pytest.raises(OSError, match="settings.json"):
        Kite(tails=9).save(tmp_path)
    assert json.loads((tmp_path / "settings.json").read_text()) == asdict(Kite())


def test_weights_are_kept_as_they_are(tmp_path) -> None:
    arrays = {"count": np.array(7), "turned": np.arange(6.0).reshape(2, 3).T}
    write_weights(tmp_path / "model.safetensors", arrays)
    found = gobhir.load(tmp_path / "model.safetensors")
    assert found["count"].shape == () and found["turned"].shape == (3, 2)
    assert (found["turned"].numpy() == arrays["turned"]).all()
