"""load over a network, and `gobhir data`: with a catalogue of its own, and a server on loopback."""

from __future__ import annotations

import hashlib
import importlib
import io
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gobhir.cli import main
from gobhir.datasets import fetching, load
from gobhir.datasets.finding import own_folder
from gobhir.lang import LANGUAGES, use_language
from tests.datasets.server import Page, served

room = importlib.import_module("gobhir.datasets.catalogue")  # a function has the same name
POSITIVE, NEGATIVE = '" ভালো "\n'.encode(), '" বাজে "\n'.encode()
CARD = """
[tiny]
kind = "texts"
what = {{ en = "Tiny texts.", bn = "ছোট ছোট লেখা।" }}
folder = "tiny_texts"
source = "https://example.org/tiny"
licence = "CC0-1.0"
cite = "Nobody (2026)."
reader = "texts by class"
next_best = "huge"
labels = ["neg", "sub/pos"]
classes = [{{ en = "negative", bn = "নেতিবাচক" }}, {{ en = "positive", bn = "ইতিবাচক" }}]

[[tiny.file]]
name = "neg"
size = {neg}
sha256 = "{neg_sha}"
urls = ["{address}/gone", "{address}/neg"]

[[tiny.file]]
name = "sub/pos"
size = {pos}
sha256 = "{pos_sha}"

[[tiny.archive]]
name = "tiny.zip"
size = {zip}
sha256 = "{zip_sha}"
urls = ["{address}/tiny.zip"]
members = {{ "sub/pos" = "deep/positive", "neg" = "deep/negative" }}
"""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


PACKED = zipped({"deep/positive": POSITIVE, "deep/negative": NEGATIVE, "readme": b"hello"})


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Page]]:
    """What the server has; the catalogue says where and what."""
    pages = {"/gone": Page(status=404), "/neg": Page(NEGATIVE), "/tiny.zip": Page(PACKED)}
    with served(pages) as address:
        values = {"neg": len(NEGATIVE), "neg_sha": digest(NEGATIVE), "address": address}
        values |= {"pos": len(POSITIVE), "pos_sha": digest(POSITIVE)}
        values |= {"zip": len(PACKED), "zip_sha": digest(PACKED)}
        file = tmp_path / "catalogue.toml"
        file.write_text(CARD.format(**values), encoding="utf-8")
        monkeypatch.setattr(room, "CATALOGUE", file)
        monkeypatch.setattr(fetching, "PAUSE", 0.0)
        monkeypatch.delenv("GOBHIR_DATA", raising=False)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        room.catalogue.cache_clear()
        yield pages
    room.catalogue.cache_clear()
    use_language(None)


def here() -> set[str]:
    folder = own_folder(room.entry("tiny"))
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix() for path in files}


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["data", *words, "--lang", "en"])
    return int(ended.value.code or 0)


def test_fetched_once(pages: dict[str, Page]) -> None:
    data = load("tiny")
    assert data.genuine and data.texts == ["বাজে", "ভালো"] and data.labels.tolist() == [0, 1]
    assert here() == {"neg", "sub/pos"}
    assert load("tiny").texts == data.texts and len(pages["/neg"].asked) == 1


def test_several_at_once(pages: dict[str, Page]) -> None:
    """As the processes of one distributed training would."""
    with ThreadPoolExecutor(4) as pool:
        sets = list(pool.map(load, ["tiny"] * 4))
    assert all(data.genuine and len(data.texts) == 2 for data in sets)
    assert [len(pages[path].asked) for path in ("/neg", "/tiny.zip")] == [1, 1]


def test_not_without_leave(pages: dict[str, Page], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--get"):
        load("tiny", download=False)
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        load("tiny", folder=tmp_path)
    assert not here() and not pages["/neg"].asked


def test_an_archive_stands_in_for_a_file(pages: dict[str, Page]) -> None:
    pages["/neg"].status = 404
    assert load("tiny").genuine and here() == {"neg", "sub/pos"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_network(pages: dict[str, Page], lang: str) -> None:
    pages["/tiny.zip"].status = 404
    with pytest.raises(ConnectionError) as caught:
        load("tiny")
    told = caught.value.args[0].text(lang)
    for part in ("/tiny.zip: ", "404", "sub/pos", str(own_folder(room.entry("tiny"))), "huge"):
        assert part in told
    assert here() == {"neg"}  # what came stays
    pages["/tiny.zip"].status = 200
    assert load("tiny").genuine and len(pages["/neg"].asked) == 1


def test_an_archive_with_something_else(
    pages: dict[str, Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = zipped({"deep/positive": NEGATIVE, "deep/negative": NEGATIVE})
    file = room.CATALOGUE
    text = file.read_text("utf-8").replace(digest(PACKED), digest(other))
    file.write_text(text.replace(f"size = {len(PACKED)}", f"size = {len(other)}"), "utf-8")
    room.catalogue.cache_clear()
    pages["/tiny.zip"].body = other
    with pytest.raises(ValueError, match="sub/pos"):
        load("tiny")
    assert "sub/pos" not in here()


def test_the_command(pages: dict[str, Page], capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "tiny" in (listed := capsys.readouterr().out) and "CC0-1.0" in listed
    assert "gobhir data tiny --get" in listed
    assert run("tiny") == 0
    card = capsys.readouterr().out
    assert all(part in card for part in ("Tiny texts.", "Nobody (2026).", digest(POSITIVE)))
    assert run("tiny", "--check") == 2 and "--get" in capsys.readouterr().err
    assert run("tiny", "--get") == 0
    assert f"here: {own_folder(room.entry('tiny'))}" in capsys.readouterr().out
    assert run("tiny", "--check") == 0
    assert "right: sub/pos" in capsys.readouterr().out
    assert run() == 0 and "--get" not in capsys.readouterr().out


def test_a_file_gone_bad(pages: dict[str, Page], capsys: pytest.CaptureFixture[str]) -> None:
    load("tiny")
    (own_folder(room.entry("tiny")) / "neg").write_bytes(POSITIVE)
    assert run("tiny", "--check") == 1
    assert "not the catalogue's: neg" in capsys.readouterr().out
    with pytest.warns(UserWarning, match="neg") as warned:
        assert not load("tiny").genuine
    assert warned[0].filename == __file__, "the line of whoever asked"
    assert run("tiny", "--get") == 0 and run("tiny", "--check") == 0
    assert load("tiny").genuine


def test_the_card_of_what_nobody_can_fetch(
    learners_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOBHIR_DATA", raising=False)
    assert run("numta") == 0
    assert str(learners_folder / "data" / "numta_bangla_digits") in capsys.readouterr().out


@pytest.mark.parametrize("words", [["xyzzy"], ["--get"], ["--check"]])
def test_wrong_commands(
    words: list[str], pages: dict[str, Page], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_bar_only_on_a_terminal(
    pages: dict[str, Page], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load("tiny")
    told = capsys.readouterr()
    assert not told.out and "neg" in told.err and len(told.err.splitlines()) == 2
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with fetching.progress("file", 10) as advance:
        advance(10)
    assert "file" in capsys.readouterr().err
