"""The command line of projects, as a learner calls it."""

from __future__ import annotations

import sys

import pytest

from gobhir.cli import main
from gobhir.lang import use_language


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """run("project", ..., lang="bn") -> exit code, what is said, what is complained of; in an empty
    folder."""
    monkeypatch.chdir(tmp_path)

    def go(*argv: str, lang: str = "en") -> tuple[int, str, str]:
        monkeypatch.setenv("GOBHIR_LANG", lang)
        monkeypatch.setattr(sys, "argv", ["gobhir", *argv])
        use_language(None)
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return left.value.code or 0, out, err

    yield go
    use_language(None)
