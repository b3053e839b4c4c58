"""`gobhir cctv`: what it prints, in both languages, and how it refuses."""

from __future__ import annotations

import io
import re
import socket
import sys
import tomllib
from functools import partial

import numpy as np
import pytest

from gobhir.lang import say
from gobhir.projects.cctv.commands import cameras
from gobhir.projects.cctv.config import Telling, wishes
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.page.access import fits
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.store import Store
from gobhir.projects.lock import Lock

BANGLA = re.compile(r"[\u0980-\u09ff]")


@pytest.fixture
def run(run):
    return partial(run, "cctv")


@pytest.mark.parametrize("lang", ["en", "bn"])
def test_help_names_every_command(run, lang) -> None:
    code, out, _ = run(lang=lang)
    assert code == 0
    for name in ("init", "run", "events", "password", "evaluate", "adapt"):
        assert re.search(rf"^  {name} +\S", out, re.M)
    assert bool(BANGLA.search(out)) == (lang == "bn")


@pytest.mark.parametrize("command", ["init", "run", "events", "evaluate"])
def test_every_command_has_its_help(run, command) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0 and "--lang" in out


def test_init_writes_a_file_that_is_never_overwritten(run, tmp_path) -> None:
    code, out, _ = run("init", "rtsp://me:secret@10.0.0.2/yard", "0", "--folder", "here")
    assert code == 0 and "gobhir cctv run --folder here" in out
    written = tomllib.loads((tmp_path / "here" / "cctv.toml").read_text(encoding="utf-8"))
    assert [c["name"] for c in written["camera"]] == ["yard", "webcam-0"]
    code, _, err = run("init", "--folder", "here")
    assert code == 2 and "cctv.toml" in err


@pytest.mark.parametrize("lang", ["en", "bn"])
def test_refusals_are_one_sentence(run, tmp_path, lang) -> None:
    for words, told in [(["run"], "gobhir cctv init"), (["events"], "gobhir cctv run")]:
        code, out, err = run(*words, lang=lang)
        assert code == 2 and "Traceback" not in err + out
        assert told in err and bool(BANGLA.search(err)) == (lang == "bn")


def test_events_are_listed_the_newest_first_in_the_cameras_time_zone(run, tmp_path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "cctv.toml").write_text('time_zone = "Asia/Dhaka"', encoding="utf-8")
    store = Store(folder)
    for k, kind in enumerate(["intrusion", "loitering"]):
        said = say("cctv.found.intrusion_anywhere", person=k)
        store.add("gate", Event(kind, "x", k, said, np.zeros(4), 1.0, 0, 0, 1_750_000_000.0 + k))
    code, out, _ = run("events", "--folder", "f")
    assert code == 0 and out.index("person 1") < out.index("person 0")
    assert "2025-06-15 21:06:40" in out
    assert "person 1" not in run("events", "--folder", "f", "--kind", "intrusion")[1]
    assert BANGLA.search(run("events", "--folder", "f", lang="bn")[1])


def test_cameras_get_names_that_can_be_folders() -> None:
    made = cameras(["/a/b/my film.mp4", "/c/my film.avi", "3"])
    assert [c.name for c in made] == ["my-film", "my-film-2", "webcam-3"]


def test_without_a_page_there_has_to_be_a_camera(run, tmp_path) -> None:
    (tmp_path / "cctv.toml").write_text("# nothing yet\n", encoding="utf-8")
    code, _, err = run("run", "--no-page", "--folder", str(tmp_path))
    assert code == 2 and "[[camera]]" in err and not (tmp_path / "cctv.sqlite").exists()


def test_every_key_is_explained_in_both_languages() -> None:
    from gobhir.lang import LANGUAGES, catalogue

    for kind in [*RULES.values(), Telling]:
        for wish in wishes(kind):
            assert all(wish.help in catalogue(lang) for lang in LANGUAGES)


@pytest.mark.parametrize("command", ["init", "run", "events", "password", "evaluate"])
def test_each_command_explains_itself(run, command) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0 and f"gobhir cctv {command}" in out


def test_a_password_is_set_from_standard_input(run, tmp_path, monkeypatch) -> None:
    def given(text: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return run("password", "--folder", "f")

    for text, told in [("", "terminal"), ("short\n", "10 characters")]:
        code, _, err = given(text)
        assert code == 2 and told in err and not (tmp_path / "f").exists()
    assert given("four words are plenty\n")[0] == 0
    line = (tmp_path / "f" / "cctv.password").read_text(encoding="ascii").strip()
    assert fits(line, "four words are plenty")


def test_beyond_this_machine_run_asks_for_a_password_first(run, tmp_path) -> None:
    code, out, err = run("run", "x.mp4", "--folder", "f", "--host", "0.0.0.0", "--port", "0")
    assert code == 2 and "gobhir cctv password --folder f" in err
    assert not (tmp_path / "f").exists()


def test_where_another_one_runs_nothing_is_said_to_have_begun(run, tmp_path) -> None:
    with (
        Lock(tmp_path / "f", "cctv.lock", "cctv.held"),
        socket.create_server(("127.0.0.1", 0)) as taken,
    ):
        port = str(taken.getsockname()[1])  # the other one's page
        code, out, err = run("run", "x.mp4", "--folder", "f", "--port", port)
    assert code == 2 and out == "" and "already works with f" in err


@pytest.mark.parametrize("source", ["none.mp4", "text.mp4", "77", "nowhere"])
def test_what_gives_no_picture_is_not_adapted_to_and_not_written_down(
    run, tmp_path, source
) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    code, _, err = run("adapt", source, "--folder", "f")
    assert code == 2 and source in err and not (tmp_path / "f").exists()
