"""Printing without a browser, or with one that fails: one clear sentence, and nothing half done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gobhir.derivation import chromium
from gobhir.lang import LANGUAGES, use_language
from tests.derivation.pages import small


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str) -> None:
    monkeypatch.setenv("GOBHIR_CHROMIUM", str(tmp_path / "none"))
    use_language(lang)
    try:
        with pytest.raises(FileNotFoundError, match="GOBHIR_CHROMIUM") as caught:
            small().save(tmp_path / "p.pdf")
    finally:
        use_language(None)
    assert ("ব্রাউজার" in caught.value.args[0].text(lang)) == (lang == "bn")
    assert not (tmp_path / "p.pdf").exists()


def test_all_usual_names_are_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOBHIR_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "PLACES", ())
    assert chromium.find() is None
    for name in reversed(chromium.NAMES):
        _browser(tmp_path / name, "exit 0")
        assert chromium.find() == str(tmp_path / name)


def _browser(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name == "nt", reason="shell scripts stand in for browsers")
@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo first >&2; echo no display >&2; exit 3", "no display"),
        ("exit 7", "7"),
        ("exit 0", "did not print"),
        ("exec sleep 60", "TimeoutExpired"),
    ],
)
def test_a_browser_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str
) -> None:
    monkeypatch.setenv("GOBHIR_CHROMIUM", str(_browser(tmp_path / "browser", script)))
    monkeypatch.setattr(chromium, "LONGEST", 2)
    target = tmp_path / "p.pdf"
    target.write_bytes(b"before")
    with pytest.raises(OSError, match=told) as caught:
        small().save(target, "en")
    assert str(tmp_path / "browser") in str(caught.value)
    assert target.read_bytes() == b"before"
    assert sorted(os.listdir(tmp_path)) == ["browser", "p.pdf"]


@pytest.mark.skipif(os.name == "nt", reason="shell scripts stand in for browsers")
def test_what_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("not a program")
    monkeypatch.setenv("GOBHIR_CHROMIUM", str(tmp_path / "text"))
    with pytest.raises(OSError, match="Permission denied"):
        small().to_pdf("en")
