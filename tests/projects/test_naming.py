"""Names in any script, which a folder, an address and a database can have."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from gobhir.projects.film import hidden, name_of
from gobhir.projects.naming import LONGEST, as_name, composed, is_name

JOINED = "র\u200d্যাব"


@pytest.mark.parametrize(
    "name", ["gate", "গেট-১", "রান্নাঘর", "উঠোন_2", JOINED, "ফটক" * 20, "câmera", "厨房", "बरामदा"]
)
def test_names_of_every_script_are_names_and_stay_themselves(name: str, tmp_path: Path) -> None:
    assert is_name(composed(name)) == (len(name) <= LONGEST)
    assert is_name(as_name(name)) and as_name(name) == composed(name)[: LONGEST - 10]
    (tmp_path / f"{as_name(name)}.wanted").write_text("")  # the disk takes it, too


@pytest.mark.parametrize(
    "name",
    ["", "a/b", "..", "a b", "গেট ১", "a\u200db", "\u200dক", "\u09beক", "½", "a\0", "x" * 61, "😀"],
)
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)
    assert not as_name(name) or is_name(as_name(name))


def test_what_looks_the_same_is_one_name() -> None:
    for name in ("বোর্ড", "ছায়া", "é"):
        assert {composed(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")} == {
            composed(name)
        }


def test_a_source_gives_a_name_of_its_own_script() -> None:
    assert name_of("/films/রান্নাঘর ১.mp4") == "রান্নাঘর-১"
    assert name_of("0") == "webcam-0"


@pytest.mark.parametrize(
    "source, shown",
    [
        ("rtsp://me:secret@10.0.0.2/yard", "rtsp://me:***@10.0.0.2/yard"),
        ("rtsp://me:se@cret@10.0.0.2/yard", "rtsp://me:***@10.0.0.2/yard"),
        ("http://10.0.0.2/v?user=me&password=secret&x=1", "http://10.0.0.2/v?user=me&password=***&x=1"),
        ("rtsp://10.0.0.2/user=me_password=secret", "rtsp://10.0.0.2/user=me_password=***"),
        ("rtsp://10.0.0.2:554/yard", "rtsp://10.0.0.2:554/yard"),
        ("film.mp4", "film.mp4"),
    ],
)  # fmt: skip
def test_no_password_is_shown(source: str, shown: str) -> None:
    assert hidden(source) == shown
