"""The dashboard's pages and its API, asked as a browser asks them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from gobhir.lang import LANGUAGES
from gobhir.projects.cctv import config
from gobhir.projects.cctv.clock import SystemClock, utc
from gobhir.projects.cctv.live import picture_of
from gobhir.projects.cctv.page.access import set_password
from gobhir.projects.cctv.page.asked import LARGEST
from gobhir.projects.cctv.page.serving import Door
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.store import Store
from tests.projects.cctv.page.conftest import HERE, NOON, PASSWORD, TOML, Running, client, xsrf

BANGLA = re.compile(r"[\u0980-\u09ff]")


# -- pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/events", "/camera/gate", "/settings", "/privacy"])
def test_pages_speak_both_languages_and_ask_nobody_else(asked, path) -> None:
    for lang in LANGUAGES:
        found = asked.get(path, params={"lang": lang})
        assert found.status_code == 200 and f'<html lang="{lang}"' in found.text
        visible = re.sub(r"<nav aria.*?</nav>|<script.*?</script>", "", found.text, flags=re.S)
        assert bool(BANGLA.search(visible)) == (lang == "bn")
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", found.text)
        assert not re.search(r"<script(?![^>]*(src=|application/json))|\son\w+=|style=", found.text)
        for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', found.text):
            assert asked.get(name).status_code == 200, name
        policy = found.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "<html" in asked.get("/nowhere").text


def test_static_files_stay_in_their_place(asked) -> None:
    for name in ("app.py", "../app.py", "%2e%2e/app.py", "frame.html", "cctv.toml"):
        assert asked.get(f"/static/{name}").status_code == 404


# -- cameras ---------------------------------------------------------------------------------------


def test_health(asked, folder: Path) -> None:
    store = Store(folder)
    trouble = {"key": "cctv.source.ended", "values": {"source": "x"}}
    now = utc(SystemClock().now())
    store.beat("gate", "-", {"fps": 4.8, "frames": 90, "dropped": 3, "trouble": None, "last": now})
    store.beat("door", "-", {"fps": 0.0, "trouble": trouble})
    gate, door = asked.get("/api/cameras?lang=en").json()["cameras"]
    assert (gate["fps"], gate["frames"], gate["dropped"]) == (4.8, 90, 3)
    assert gate["state"] == "watching" and gate["last"].endswith("+06")
    store.beat("gate", "-", {"frames": 0, "trouble": None})  # anew
    assert asked.get("/api/cameras").json()["cameras"][0]["state"] == "starting"
    assert "secret" not in json.dumps(gate) and gate["zones"][0]["name"] == "yard"
    assert door["state"] == "trouble" and door["trouble"].startswith("x has broken off")
    assert BANGLA.search(asked.get("/api/cameras?lang=bn").json()["cameras"][1]["trouble"])


def test_a_camera_that_says_nothing_is_said_to_be_silent(folder: Path, running: Running) -> None:
    class Old(SystemClock):
        def now(self) -> float:
            return NOON

    Store(folder, Old()).beat("gate", "-", {"trouble": None})
    states = [c["state"] for c in client(folder, running).get("/api/cameras").json()["cameras"]]
    assert states == ["silent", "starting"]


def test_the_picture_is_asked_for_and_says_who_is_in_it(asked, folder: Path) -> None:
    found = asked.get("/api/cameras/gate/picture")
    assert picture_of(folder, "gate").with_suffix(".wanted").exists()
    assert json.loads(found.headers["x-seen"])[0]["id"] == 7
    assert cv2.imdecode(np.frombuffer(found.content, np.uint8), 1).shape == (240, 320, 3)
    assert asked.get("/api/cameras/door/picture").status_code == 204  # none yet
    assert asked.get("/api/cameras/nobody/picture").status_code == 404


# -- events ----------------------------------------------------------------------------------------


def ids(asked, **wishes) -> list[int]:
    return [e["id"] for e in asked.get("/api/events", params=wishes).json()["events"]]


def test_events_by_camera_rule_and_day_in_the_cameras_time_zone(asked) -> None:
    assert ids(asked) == [5, 4, 3, 2, 1]
    assert ids(asked, camera="door") == [4]
    assert ids(asked, kind="intrusion") == [5]
    # event 3 is at noon in Dhaka, the next ones at midnight, where the next day begins
    assert ids(asked, day="2025-06-16") == [3, 2]
    assert ids(asked, day="2025-06-17", camera="gate") == [5]
    for day in ("yesterday", "2025-13-01", "9999-12-31"):
        assert asked.get("/api/events", params={"day": day}).status_code == 422


def test_events_come_in_parts(asked) -> None:
    first = asked.get("/api/events", params={"limit": 3}).json()
    assert [e["id"] for e in first["events"]] == [5, 4, 3] and first["before"] == 3
    rest = asked.get("/api/events", params={"limit": 3, "before": 3}).json()
    assert [e["id"] for e in rest["events"]] == [2, 1] and rest["before"] is None
    for wrong in ("-1", "x", "0", "9" * 30, "1e3", "১"):
        assert asked.get("/api/events", params={"before": wrong}).status_code == 422


def test_an_event_explains_itself_in_the_readers_language(asked) -> None:
    english = asked.get("/api/events?lang=en&limit=1").json()["events"][0]
    assert english["sentence"] == "person 4 has stayed 64 s in zone 'yard', limit 45 s"
    assert english["lasted"] == 2.5 and english["over"] and not english["seen"]
    bangla = asked.get("/api/events?limit=1", headers={"accept-language": "bn"}).json()["events"][0]
    assert BANGLA.search(bangla["sentence"]) and "64" in bangla["sentence"]


def test_events_are_ticked_off_and_on(asked) -> None:
    head = xsrf(asked)
    done = asked.post("/api/events/seen", json={"ids": [2, 4], "seen": True}, headers=head)
    assert done.status_code == 200
    assert ids(asked, seen="1") == [4, 2] and ids(asked, seen="0") == [5, 3, 1]
    asked.post("/api/events/seen", json={"ids": [4], "seen": False}, headers=head)
    assert ids(asked, seen="1") == [2]
    for wrong in (
        {},
        [],
        {"ids": ["1"], "seen": True},
        {"ids": [1], "seen": 1},
        {"ids": [2**70], "seen": True},
    ):
        assert asked.post("/api/events/seen", json=wrong, headers=head).status_code == 422


def test_clips_come_in_the_parts_that_are_asked_for(asked, folder: Path) -> None:
    content = (folder / "clips/gate/a.mp4").read_bytes()
    whole = asked.get("/api/events/1/clip")
    assert whole.content == content and whole.headers["content-type"] == "video/mp4"
    part = asked.get("/api/events/1/clip", headers={"range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    end = asked.get("/api/events/1/clip", headers={"range": "bytes=-10"})
    assert end.content == content[-10:]
    beyond = asked.get("/api/events/1/clip", headers={"range": f"bytes={len(content)}-"})
    assert beyond.status_code == 416
    assert asked.get("/api/events/1/thumb").headers["content-type"] == "image/jpeg"


def test_no_file_but_clips_and_pictures_is_given(asked, folder: Path) -> None:
    store = Store(folder)
    (folder / "clips" / "link.mp4").symlink_to(folder / "cctv.toml")
    for name in (
        "cctv.toml",
        "../cctv.toml",
        "/etc/passwd",
        "clips/../cctv.toml",
        "clips/link.mp4",
        "clips",
    ):
        store.files(1, clip=name)
        assert asked.get("/api/events/1/clip").status_code == 404, name
    store.files(1, clip="clips/gate/deleted.mp4")
    gone = asked.get("/api/events/1/clip?lang=en")
    assert gone.status_code == 404 and "deleted" in gone.json()["error"]["message"]
    assert asked.get("/api/events/99/clip").status_code == 404
    assert asked.get("/api/events/1/sentence").status_code == 404


# -- zones, lines, rules ---------------------------------------------------------------------------


def edited(asked: TestClient, camera: str = "gate", **changes):
    now = asked.get(f"/api/cameras/{camera}").json()
    asking = {k: now[k] for k in ("version", "zones", "lines", "rules")} | changes
    return asked.put(f"/api/cameras/{camera}?lang=en", json=asking, headers=xsrf(asked))


def test_rules_say_their_limits_and_what_they_mean(asked) -> None:
    for lang in LANGUAGES:
        kinds = asked.get("/api/cameras/gate", params={"lang": lang}).json()["kinds"]
        assert set(kinds) == set(RULES)
        for kind in kinds.values():
            assert all(bool(BANGLA.search(f["help"])) == (lang == "bn") for f in kind["fields"])
    fields = {f["name"]: f for f in kinds["loitering"]["fields"]}
    assert (fields["limit"]["low"], fields["limit"]["high"]) == (1, 86400)


def test_what_is_drawn_is_written_and_taken_up_and_comments_stay(asked, folder, running) -> None:
    zone = {"name": "yard", "points": [[0.123456789, 0.2], [0.9, 0.2], [0.9, 0.9], [0.1, 0.9]]}
    line = {"name": "street", "points": [[0, 0.5], [1, 0.5]]}
    rules = [
        {"kind": "loitering", "enabled": None, "zone": "yard", "limit": 30, "away": 3.0},
        {"kind": "line", "enabled": True, "line": "street", "way": "in", "margin": 0.01},
    ]
    done = edited(asked, zones=[zone], lines=[line], rules=rules)
    assert done.status_code == 200, done.text
    (camera, _) = config.load(folder).cameras
    assert camera.zones[0].points[0] == (0.123457, 0.2) and len(camera.zones[0].points) == 4
    assert [rule.kind for rule in camera.rules] == ["loitering", "line"]
    assert camera.rules[0].limit == 30 and camera.rules[1].way == "in" and camera.rules[1].on
    (changed,) = running.changes
    assert changed.cameras[0] == camera and changed.cameras[1:] == config.load(folder).cameras[1:]
    text = (folder / config.FILE).read_text(encoding="utf-8")
    for comment in re.findall(r"#.*", TOML):
        assert comment in text
    assert done.json()["note"].startswith("Saved. ")
    # and once more, with the version that came back
    again = {k: done.json()[k] for k in ("version", "zones", "lines", "rules")}
    assert asked.put("/api/cameras/gate", json=again, headers=xsrf(asked)).status_code == 200
    assert (folder / config.FILE).read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "change, told",
    [
        ({"zones": [{"name": "a", "points": [[0, 0], [1, 1]]}], "rules": []}, "points"),
        ({"zones": [{"name": "a", "points": [[0, 0], [1, 1], [2, 0]]}], "rules": []}, "points"),
        ({"zones": []}, "yard"),  # which the rule still names
        ({"zones": None}, "zone"),
        ({"lines": [{"name": "l", "points": [[0, 0], [0, 0]]}]}, "same point"),
        ({"rules": [{"kind": "loitering", "limit": 0}]}, "86400"),
        ({"rules": [{"kind": "loitering", "limit": "long"}]}, "limit"),
        ({"rules": [{"kind": "sorcery"}]}, "sorcery"),
        ({"rules": [{"kind": "line", "line": "nowhere"}]}, "nowhere"),
        ({"rules": [3]}, "rule"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(asked, folder, running, change, told) -> None:
    done = edited(asked, **change)
    assert done.status_code == 422 and told in done.json()["error"]["message"]
    assert (folder / config.FILE).read_text(encoding="utf-8") == TOML and not running.changes


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(asked, folder, running) -> None:
    version = asked.get("/api/cameras/gate").json()["version"]
    (folder / config.FILE).write_text(TOML + "# mine\n", encoding="utf-8")
    assert edited(asked, version=version).status_code == 409
    assert not running.changes and "# mine" in (folder / config.FILE).read_text(encoding="utf-8")


def test_a_camera_of_the_command_line_is_not_written(folder: Path, running: Running) -> None:
    once = config.Camera("film", "x.mp4", rules=config.default_rules())
    asked = client(folder, Running(config.System(cameras=(once,))))
    assert asked.get("/api/cameras/film").json()["kept"] is False
    done = edited(asked, "film")
    assert done.status_code == 409 and "command line" in done.json()["error"]["message"]


def test_a_body_that_is_none(asked) -> None:
    head = xsrf(asked)
    for body, status in [
        (b"{", 400),
        (b"NaN", 400),
        (b'"\\ud800"', 400),
        (b"\xff", 400),
        (b"[" * 90_000, 400),
    ]:
        assert asked.put("/api/cameras/gate", content=body, headers=head).status_code == status
    large = asked.put("/api/cameras/gate", content=b" " * (LARGEST + 1), headers=head)
    assert large.status_code == 413


@pytest.mark.parametrize("lang", LANGUAGES)
def test_whatever_is_refused_says_so_in_json_in_the_readers_language(asked, locked, lang) -> None:
    head = xsrf(asked)
    for status, who, method, path, more in [
        (401, locked, "GET", "/api/events", {}),
        (403, asked, "POST", "/api/logout", {}),
        (404, asked, "GET", "/api/nothing", {}),
        (404, asked, "GET", "/api/cameras/nobody", {}),
        (404, asked, "GET", "/api/events/99/clip", {}),
        (405, asked, "DELETE", "/api/settings", {"headers": head}),
        (400, asked, "PUT", "/api/settings", {"headers": head, "content": b"{"}),
        (409, asked, "PUT", "/api/settings", {"headers": head, "content": b"{}"}),
        (413, asked, "PUT", "/api/settings", {"headers": head, "content": b" " * (LARGEST + 1)}),
        (416, asked, "GET", "/api/events/1/clip", {"headers": {"range": "bytes=9999999-"}}),
        (400, asked, "GET", "/api/events/1/clip", {"headers": {"range": "pages=1"}}),
        (421, asked, "GET", "/api/cameras", {"headers": {"host": "evil.example"}}),
        (422, asked, "GET", "/api/events", {}),
    ]:
        found = who.request(method, path, params={"lang": lang, "day": "x"}, **more)
        assert found.status_code == status, path
        assert bool(BANGLA.search(found.json()["error"]["message"])) == (lang == "bn"), path


# -- who is let in ---------------------------------------------------------------------------------


@pytest.fixture
def locked(folder: Path, running: Running, cheap) -> TestClient:
    set_password(folder, PASSWORD)
    return client(folder, running, needed=True, addresses=True)


def test_without_the_password_nothing_of_anybody_is_given(locked) -> None:
    for path in ("/", "/events", "/camera/gate", "/camera/nobody", "/settings"):
        found = locked.get(path, follow_redirects=False)
        assert found.status_code == 303 and found.headers["location"].startswith("/login")
    for path in ("/api/cameras", "/api/cameras/gate", "/api/cameras/gate/picture", "/api/events",
                 "/api/events/1/clip", "/api/events/1/thumb",
                 "/api/settings", "/api/nothing"):  # fmt: skip
        assert locked.get(path).status_code == 401, path
    assert locked.put("/api/cameras/gate", json={}).status_code == 401
    assert locked.put("/api/settings", json={}).status_code == 401
    assert locked.post("/api/events/seen", json={}).status_code == 401
    for path in ("/login", "/privacy"):
        found = locked.get(path)
        assert found.status_code == 200 and "gate" not in found.text
        assert '"xsrf": ""' in found.text


def test_with_the_password_all_is_given_until_one_leaves(locked) -> None:
    assert locked.post("/login", data={"password": "wrong"}).status_code == 401
    entered = locked.post("/login", data={"password": PASSWORD}, follow_redirects=False)
    cookie = entered.headers["set-cookie"].lower()
    assert entered.status_code == 303
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
    assert ids(locked) == [5, 4, 3, 2, 1]
    assert locked.post("/api/logout").status_code == 403  # not by a page of ours
    assert locked.post("/api/logout", headers=xsrf(locked)).status_code == 204
    assert locked.get("/api/events").status_code == 401


def test_who_guesses_has_to_wait(locked) -> None:
    codes = [locked.post("/login", data={"password": "x"}).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


def test_writes_need_the_pages_token_and_come_from_here(asked) -> None:
    body, head = {"ids": [1], "seen": True}, xsrf(asked)
    assert asked.post("/api/events/seen", json=body).status_code == 403
    assert asked.post("/api/events/seen", json=body, headers={"x-xsrf": "x"}).status_code == 403
    for more in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ):
        assert asked.post("/api/events/seen", json=body, headers=head | more).status_code == 403
    assert asked.get("/api/events", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert (
        asked.post("/api/events/seen", json=body, headers=head | {"origin": HERE}).status_code
        == 200
    )
    assert ids(asked, seen="1") == [1]


def test_names_that_somebody_points_here_are_refused(asked, locked) -> None:
    for host, near, far in [
        ("evil.example", 421, 421), ("127.0.0.1", 200, 200), ("localhost:8765", 200, 200),
        ("192.168.1.7:8765", 421, 200), ("[fe80::1]:8765", 421, 200),
        ("127.0.0.1.evil.example", 421, 421),
    ]:  # fmt: skip
        head = {"host": host}
        assert asked.get("/privacy", headers=head).status_code == near, host
        assert locked.get("/privacy", headers=head).status_code == far, host


def test_a_database_that_is_gone_is_said(folder: Path, running: Running) -> None:
    (folder / "cctv.sqlite").write_bytes(b"no database at all" * 100)
    for left in folder.glob("cctv.sqlite-*"):
        left.unlink()
    found = client(folder, running).get("/api/events?lang=en")
    assert found.status_code == 503 and "cctv.sqlite" in found.json()["error"]["message"]


def test_beyond_this_machine_there_has_to_be_a_password(tmp_path: Path, cheap) -> None:
    with pytest.raises(ValueError, match="gobhir cctv password"):
        Door(tmp_path, "0.0.0.0", 0)
    set_password(tmp_path, PASSWORD)
    door = Door(tmp_path, "0.0.0.0", 0)
    with pytest.raises(ValueError, match=door.url.split(":")[2].rstrip("/")):
        Door(tmp_path, "0.0.0.0", int(door.url.split(":")[2].rstrip("/")))
    door.close()
