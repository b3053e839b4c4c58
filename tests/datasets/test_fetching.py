"""fetch: whatever the network does, a file has its own name only when it is whole and right."""

from __future__ import annotations

import hashlib
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gobhir.datasets import fetching
from gobhir.datasets.catalogue import File
from gobhir.datasets.fetching import Unreachable, fetch
from gobhir.lang import LANGUAGES
from tests.datasets.server import Page, served

BODY = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()
Ask = Callable[..., File]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pages() -> dict[str, Page]:
    return {"/file": Page(BODY)}


@pytest.fixture
def file(pages: dict[str, Page]) -> Iterator[Ask]:
    with served(pages) as address:

        def ask(*paths: str) -> File:
            urls = tuple(address + path for path in paths or ("/file",))
            return File("file", len(BODY), SHA256, urls)

        yield ask


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file(file: Ask, tmp_path: Path) -> None:
    seen: list[int] = []
    fetch(file(), tmp_path / "deep" / "file", seen.append)
    assert (tmp_path / "deep" / "file").read_bytes() == BODY
    assert only(tmp_path / "deep") == ["file"]
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == len(BODY)


def test_cut_connections(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    pages["/file"].cuts = [1000, 70_000, 1]
    fetch(file(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    ranges = [asked.get("range") for asked in pages["/file"].asked]
    assert ranges == [None, "bytes=1000-", "bytes=71000-", "bytes=71001-"]
    assert [asked.get("if-range") for asked in pages["/file"].asked] == [None, *['"1"'] * 3]


def test_going_on_after_a_kill(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(BODY[:5000])
    fetch(file(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert [asked.get("range") for asked in pages["/file"].asked] == ["bytes=5000-"]
    assert only(tmp_path) == ["file"]


def test_a_whole_part_is_only_checked(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(BODY)
    fetch(file(), tmp_path / "file")
    assert only(tmp_path) == ["file"] and not pages["/file"].asked


@pytest.mark.parametrize("part", [b"another" * 100, b"x" * len(BODY), b"x" * (len(BODY) + 1)])
def test_a_part_of_something_else(file: Ask, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "file.part").write_bytes(part)
    fetch(file(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_the_file_changed_meanwhile(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    """If-Range: the server then gives all of the new file."""
    page = pages["/file"]
    asked = file()
    (tmp_path / "file.part").write_bytes(b"old" * 1000)
    (tmp_path / "file.part.from").write_text(f'{asked.urls[0]}\n"0"', "utf-8")
    fetch(asked, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY and len(page.asked) == 1
    assert page.asked[0]["if-range"] == '"0"'


def test_a_server_without_ranges(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    pages["/file"].ranges, pages["/file"].cuts = False, [9000, 5000, 100_000]
    fetch(file(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_server_that_goes_on_elsewhere(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    pages["/file"].misplaced, pages["/file"].cuts = True, [1000]
    fetch(file(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_wrong_checksum_keeps_nothing(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    pages["/file"].body = BODY[:-1] + b"!"
    with pytest.raises(Unreachable, match=SHA256[:16]):
        fetch(file(), tmp_path / "file")
    assert only(tmp_path) == [] and len(pages["/file"].asked) == 1


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b"more"])
def test_too_short_and_too_long(
    file: Ask, pages: dict[str, Page], tmp_path: Path, body: bytes
) -> None:
    pages["/file"].body = body
    with pytest.raises(Unreachable):
        fetch(file(), tmp_path / "file")
    assert "file" not in only(tmp_path)


def test_mirrors(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    pages["/gone"] = Page(status=404)
    pages["/wrong"] = Page(BODY[::-1])
    pages["/moved"] = Page(status=302, location="/file")
    fetch(file("/gone", "/wrong", "/moved", "/never"), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert [len(pages[p].asked) for p in ("/gone", "/wrong", "/moved", "/file")] == [1] * 4


def test_a_busy_server_is_asked_again(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    pages["/file"].status = 503
    with pytest.raises(Unreachable, match="503"):
        fetch(file(), tmp_path / "file")
    assert len(pages["/file"].asked) == fetching.TRIES


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_network(tmp_path: Path, lang: str) -> None:
    urls = ("http://127.0.0.1:9/file", "http://name.invalid/file")
    with pytest.raises(Unreachable) as caught:
        fetch(File("file", 3, SHA256, urls), tmp_path / "file")
    assert all(url in caught.value.args[0].text(lang) for url in urls)
    assert only(tmp_path) == []


def test_a_server_that_takes_the_request_and_says_nothing(
    file: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", 0.3)
    monkeypatch.setattr(fetching, "TRIES", 1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/file"
        with pytest.raises(Unreachable, match="timed out"):
            fetch(replace(file(), urls=(url,)), tmp_path / "file")
        assert only(tmp_path) == []
        fetch(replace(file(), urls=(url, *file().urls)), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_redirects_lead_to_the_web_only(file: Ask, pages: dict[str, Page], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(BODY)
    pages["/away"] = Page(status=302, location=secret.as_uri())
    pages["/round"] = Page(status=302, location="/round")
    with pytest.raises(Unreachable):
        fetch(file("/away", "/round"), tmp_path / "new" / "file")
    assert only(tmp_path / "new") == []


def test_a_full_disk(file: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(OSError, match=str(tmp_path)):
        fetch(file(), tmp_path / "file")
    assert only(tmp_path) == []


def test_a_folder_that_cannot_be(file: Ask, tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(OSError, match="folder"):
        fetch(file(), tmp_path / "folder" / "file")
