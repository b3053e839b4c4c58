"""The built front end over the wire: packed, kept for ever, and nothing else."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from gobhir.studio.static import Assets
from tests.studio.conftest import Running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    static = tmp_path / "static"
    (static / "studio").mkdir(parents=True)
    (static / "studio" / "studio.js").write_text("export {};\n" * 100)
    (static / "font.woff2").write_bytes(b"wOF2" + bytes(100))
    return static


def test_only_what_stands_in_the_folder_is_found(folder: Path) -> None:
    outside = folder.parent / "secret.txt"
    outside.write_text("secret")
    os.symlink(outside, folder / "link.txt")
    os.symlink(folder.parent, folder / "up")
    assets = Assets(folder)
    assert sorted(assets.files) == ["font.woff2", "studio/studio.js"]
    for trick in ("../secret.txt", "link.txt", "up/secret.txt", "studio/../studio/studio.js", ""):
        assert assets.get(trick) is None


def test_text_is_packed_and_pictures_are_not(folder: Path) -> None:
    assets = Assets(folder)
    script, font = assets.get("studio/studio.js"), assets.get("font.woff2")
    assert script and script.packed and gzip.decompress(script.packed) == script.plain
    assert script.kind.startswith("text/javascript")
    assert font and font.packed is None and font.kind == "font/woff2"
    assert assets.get("studio/studio.js") is script


def test_a_new_build_has_a_new_version_and_is_served_at_once(folder: Path) -> None:
    assets = Assets(folder)
    before = assets.get("studio/studio.js")
    (folder / "studio" / "studio.js").write_text("// new")
    after = assets.get("studio/studio.js")
    assert before and after and after.plain == b"// new"
    assert Assets(folder).version != assets.version


def test_a_folder_that_was_never_built_serves_nothing(tmp_path: Path) -> None:
    assert Assets(tmp_path / "static").files == {}


def test_over_the_wire(studio: Running) -> None:
    page = studio.get("/gobhir/").text
    address = re.findall(r'href="(/gobhir/static/[^"]+\.css)"', page)[0]
    plain = studio.get(address, cookies=False)
    packed = studio.get(address, cookies=False, Accept_Encoding="gzip")
    assert plain.status == packed.status == 200
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "immutable" in plain.headers["Cache-Control"]
    assert plain.headers["Content-Type"].startswith("text/css")
    head = studio.ask("HEAD", address, cookies=False)
    assert head.status == 200 and head.body == b""
    assert int(head.headers["Content-Length"]) == len(plain.body)


def test_an_address_of_another_version_is_not_kept(studio: Running) -> None:
    page = studio.get("/gobhir/").text
    name = re.findall(r'href="/gobhir/static/\w+/([^"]+\.css)"', page)[0]
    answer = studio.get(f"/gobhir/static/0123456789ab/{name}", cookies=False)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_pages_are_packed_too_and_never_kept(studio: Running) -> None:
    answer = studio.get("/gobhir/", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert gzip.decompress(answer.body).startswith(b"<!doctype html>")
