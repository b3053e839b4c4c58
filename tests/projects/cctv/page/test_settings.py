"""The settings on the page: what is shown, what is written, what is refused, what is taken up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gobhir.lang import LANGUAGES
from gobhir.projects.cctv import config
from gobhir.projects.cctv.page.settings import veiled
from tests.projects.cctv.page.conftest import TOML, Running, client, xsrf

BANGLA = re.compile(r"[\u0980-\u09ff]")
MORE = """
[webhook]
url = "https://hooks.example.org/services/T0/secret?x=1" # ours

[keep]
days = 7 # no longer
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    (folder / config.FILE).write_text(TOML + MORE, encoding="utf-8")
    return folder


def as_sent(shown: dict[str, Any]) -> dict[str, Any]:
    """The settings as the page sends them back, as the file has them."""
    sections = {one["name"]: one["values"] for one in shown["sections"]}
    return {**sections.pop(""), **sections, "camera": shown["cameras"]}


def save(asked, change, lang: str = "en", **more: Any):
    """Change what the page shows and send that."""
    shown = asked.get("/api/settings").json()
    sent = as_sent(shown)
    change(sent)
    content = {"version": shown["version"], "settings": sent} | more
    return asked.put("/api/settings", params={"lang": lang}, json=content, headers=xsrf(asked))


def text_of(folder: Path) -> str:
    return (folder / config.FILE).read_text(encoding="utf-8")


def test_every_key_of_the_file_is_a_field_that_is_explained_in_both_languages(asked) -> None:
    for lang in LANGUAGES:
        shown = asked.get("/api/settings", params={"lang": lang}).json()
        kinds = {"": config.System, **config.SECTIONS}
        assert [one["name"] for one in shown["sections"]] == list(kinds)
        for one in shown["sections"]:
            wishes = config.wishes(kinds[one["name"]])
            assert [f["name"] for f in one["fields"]] == [w.name for w in wishes]
            assert set(one["values"]) == {w.name for w in wishes}
            said = [one["title"], one["note"], *(f["help"] for f in one["fields"])]
            assert all(bool(BANGLA.search(text)) == (lang == "bn") for text in said)
        assert [f["name"] for f in shown["fields"]["camera"]] == ["name", "source", "quiet"]
        assert {f["name"] for f in shown["fields"]["detector"]} == set(
            shown["cameras"][0]["detector"]
        )
        tile = next(f for f in shown["fields"]["detector"] if f["name"] == "tile")
        assert tile["optional"] and "300" in tile["none"]


def test_what_is_sent_back_as_it_came_changes_nothing(asked, folder: Path, running) -> None:
    before = config.load(folder)
    done = save(asked, lambda sent: None)
    assert done.status_code == 200 and done.json()["note"] == "Saved."
    assert text_of(folder) == TOML + MORE and running.changes == [before]


def test_settings_are_written_beside_their_comments_and_taken_up(asked, folder, running) -> None:
    def change(sent: dict[str, Any]) -> None:
        sent["time_zone"] = "Europe/London"
        sent["keep"]["days"] = 3
        sent["clips"]["blur"] = False
        sent["webhook"]["tries"] = 5
        gate, door = sent["camera"]
        gate["quiet"] = 8
        door["detector"] |= {"tile": 0, "adapted": True}
        sent["camera"].append({"name": "গেট-১", "source": "1", "quiet": 3, "detector": {}})

    done = save(asked, change)
    assert done.status_code == 200, done.text
    system = config.load(folder)
    assert (system.time_zone, system.keep.days, system.clips.blur) == ("Europe/London", 3, False)
    assert system.webhook.tries == 5 and system.webhook.url.endswith("secret?x=1")
    gate, door, new = system.cameras
    assert gate.quiet == 8 and gate.source.startswith("rtsp://me:secret@")
    assert gate.zones and gate.rules[0].kind == "loitering"
    assert door.detector == config.Looking(tile=0, adapted=True) and door.rules == ()
    assert new.name == "গেট-১" and new.rules == config.default_rules()
    assert running.changes == [system]
    assert all(comment in text_of(folder) for comment in re.findall(r"#.*", TOML + MORE))
    assert "door, gate" in done.json()["note"]  # which start anew, since clips are another
    assert done.json()["version"] == asked.get("/api/settings").json()["version"]

    # and back to what holds for all, and away with the first one
    def undo(sent: dict[str, Any]) -> None:
        sent["camera"].pop(0)
        sent["camera"][0]["detector"].update(tile=None, adapted=None)

    done = save(asked, undo)
    assert done.status_code == 200, done.text
    assert [c.name for c in config.load(folder).cameras] == ["door", "গেট-১"]
    assert config.load(folder).cameras[0].detector is None and "camera.detector" not in text_of(
        folder
    )


def put(table: str, name: str, value: Any):
    return lambda sent: sent[table].update({name: value})


def camera(number: int, **values: Any):
    return lambda sent: sent["camera"][number].update(values)


def added(name: str, **values: Any):
    return lambda sent: sent["camera"].append({"name": name, "source": "0", **values})


REFUSED = [
    (put("detector", "score", 2), "detector: score", "between 0.01 and 1"),
    (put("detector", "fps", "fast"), "detector: fps", "a number"),
    (put("clips", "blur", "yes"), "clips: blur", "true or false"),
    (put("keep", "years", 1), "keep: years", "days"),
    (put("webhook", "url", "ftp://x"), "webhook: url", "http"),
    (put("webhook", "url", "http://[x"), "webhook: url", "http"),
    (put("webhook", "url", "https://evil.example/***"), "webhook: url", "***"),
    (lambda sent: sent.update(time_zone="Asia/Dhakka"), "time_zone", "Asia/Dhakka"),
    (lambda sent: sent.update(keep=3), "keep", "[keep]"),
    (lambda sent: sent.update(camera=[3]), "camera", "[[camera]]"),
    (camera(0, source=""), "camera 'gate': source", "source"),
    (camera(0, source="rtsp://me:***@evil/x"), "camera 'gate': source", "***"),
    (camera(1, quiet=-1), "camera 'door': quiet", "3600"),
    (camera(1, detector={"tile": -1}), "camera 'door': detector: tile", "10000"),
    (added("a b"), "camera 'a b'", "letters"),
    (added("gate"), "camera 'gate'", "twice"),
    (added("c", zone=1), "camera 'c': zone", "zone"),
]


@pytest.mark.parametrize("change, key, told", REFUSED, ids=[str(k) for k in range(len(REFUSED))])
def test_a_refusal_names_its_field_in_the_readers_language(
    asked, folder, running, change, key, told
) -> None:
    for lang in LANGUAGES:
        done = save(asked, change, lang)
        error = done.json()["error"]
        assert done.status_code == 422 and error["key"] == key, error
        assert bool(BANGLA.search(error["problem"])) == (lang == "bn") and "secret" not in done.text
        assert lang == "bn" or told in error["problem"]
    assert text_of(folder) == TOML + MORE and not running.changes


def test_what_is_no_settings_at_all_is_refused_in_json(asked, running) -> None:
    for content in ({"settings": 3}, {"settings": {"camera": 3}}, {"settings": {"zone": 1}}):
        assert save(asked, lambda sent: None, **content).status_code == 422
    for content in (3, [], {}, {"version": "x"}):
        done = asked.put("/api/settings?lang=bn", json=content, headers=xsrf(asked))
        assert done.status_code == 409 and BANGLA.search(done.json()["error"]["message"])
    assert asked.put("/api/settings", json={}).status_code == 403
    assert not running.changes


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(asked, folder, running) -> None:
    done = save(asked, put("keep", "days", 3), version="another")
    assert done.status_code == 409 and text_of(folder) == TOML + MORE and not running.changes


def test_a_file_that_windows_wrote_keeps_its_comments_too(asked, folder) -> None:
    text = (TOML + MORE).replace("\n", "\r\n")
    (folder / config.FILE).write_bytes(b"\xef\xbb\xbf" + text.encode())
    done = save(asked, put("keep", "days", 3))
    assert done.status_code == 200 and done.json()["note"] == "Saved.", done.text
    assert text_of(folder) == (TOML + MORE).replace("days = 7 #", "days = 3  #")


def test_a_full_disk_is_said_and_nothing_is_taken_up(asked, folder, running, monkeypatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gobhir.projects.cctv.page.writing.write", full)
    done = save(asked, put("keep", "days", 3))
    assert done.status_code == 507 and "No space left" in done.json()["error"]["message"]
    assert text_of(folder) == TOML + MORE and not running.changes


def test_no_secret_reaches_the_browser(asked) -> None:
    for path in ("/settings", "/api/settings", "/api/cameras", "/api/cameras/gate"):
        told = asked.get(path).text
        assert "me:secret" not in told and "services/T0" not in told, path
    shown = as_sent(asked.get("/api/settings").json())
    assert shown["webhook"]["url"] == "https://hooks.example.org/***"
    assert shown["camera"][0]["source"] == "rtsp://me:***@10.0.0.2/yard"
    assert (
        veiled("http://token@host:80/") == "http://***@host:80/"
        and veiled("http://a") == "http://a"
    )
    done = save(asked, put("webhook", "url", "http://other.example/another"))
    assert "another" not in done.text and "http://other.example/***" in done.text


def test_cameras_of_the_command_line_stay_as_they_are(folder: Path) -> None:
    once = config.System(cameras=(config.Camera("film", "x.mp4"),))
    running = Running(once, once=True)
    asked = client(folder, running)
    assert asked.get("/api/settings").json()["once"] is True

    def change(sent: dict[str, Any]) -> None:
        sent["camera"].pop()
        sent["keep"]["days"] = 2

    assert save(asked, change).status_code == 200
    assert [c.name for c in config.load(folder).cameras] == ["gate"]
    assert running.system.cameras == once.cameras and running.system.keep.days == 2


def test_the_first_camera_can_be_added_by_the_page(tmp_path: Path) -> None:
    (tmp_path / config.FILE).write_text("", encoding="utf-8")
    running = Running(config.load(tmp_path))
    asked = client(tmp_path, running)
    assert asked.get("/api/cameras").json()["cameras"] == []
    new = {"name": "রান্নাঘর", "source": "0", "quiet": 3, "detector": {}}
    assert save(asked, lambda sent: sent["camera"].append(new)).status_code == 200
    assert [c["name"] for c in asked.get("/api/cameras").json()["cameras"]] == ["রান্নাঘর"]
    assert text_of(tmp_path) == '[[camera]]\nname = "রান্নাঘর"\nsource = "0"\n'
