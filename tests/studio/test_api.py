"""What the pages ask for: right answers, and a clear refusal in both languages for the rest."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any

import pytest

from gobhir.course import Lesson
from tests.studio.conftest import PATIENCE, Running, Start


def refused(answer: Any, status: int) -> None:
    """The answer has this status and says why in both languages."""
    assert answer.status == status, answer.text
    message = answer.json["message"]
    assert message["bn"] and message["en"] and message["bn"] != message["en"]


def test_notes_come_back_as_they_were_saved(studio: Running, slug: str) -> None:
    address = f"/gobhir/api/notes/{slug}"
    before = studio.get(address).json
    assert set(before) == {"text", "version", "saved_at"}
    text = "গ্রেডিয়েন্ট 🙂 <b>$x$</b>\r\n"
    saved = studio.put(address, {"text": text, "version": before["version"]})
    assert saved.status == 200 and set(saved.json) == {"version", "saved_at"}
    assert studio.get(address).json == {"text": text, **saved.json}
    file = studio.home / "notes" / f"{slug}.md"
    assert file.read_bytes() == text.encode()


def test_the_playground_has_a_note_of_its_own_and_nothing_else(studio: Running) -> None:
    version = studio.get("/gobhir/api/notes/playground").json["version"]
    saved = studio.put("/gobhir/api/notes/playground", {"text": "# একটা ধাপ", "version": version})
    assert saved.status == 200
    assert (studio.home / "notes" / "playground.md").read_text("utf-8") == "# একটা ধাপ"
    assert studio.get("/gobhir/api/progress/playground").status == 404


def test_two_tabs_in_conflict(studio: Running, slug: str) -> None:
    address = f"/gobhir/api/notes/{slug}"
    base = studio.get(address).json["version"]
    first = studio.put(address, {"text": "first tab", "version": base})
    second = studio.put(address, {"text": "second tab", "version": base})
    refused(second, 409)
    assert second.json["text"] == "first tab"
    assert second.json["version"] == first.json["version"]
    kept = studio.home / "notes" / second.json["copy"]
    assert kept.read_text(encoding="utf-8") == "second tab"
    assert second.json["copy"] in second.json["message"]["bn"]


@pytest.mark.parametrize(
    ("method", "path"),
    (
        ("GET", "notes/day99-nothing"),
        ("GET", "progress/day99-nothing"),
        ("POST", "quiz/{slug}/nothing"),
        ("POST", "check/{slug}/nothing"),
        ("POST", "check/day99-nothing/nothing"),
    ),
)
def test_what_does_not_exist(studio: Running, slug: str, method: str, path: str) -> None:
    body = {"answer": 1, "code": "x = 1"} if method == "POST" else None
    refused(studio.ask(method, f"/gobhir/api/{path.format(slug=slug)}", body), 404)


BROKEN: tuple[tuple[str, str, bytes], ...] = (
    ("PUT", "notes/{slug}", b""),
    ("PUT", "notes/{slug}", b"{"),
    ("PUT", "notes/{slug}", b"[]"),
    ("PUT", "notes/{slug}", b'{"text": "x"}'),
    ("PUT", "notes/{slug}", b'{"text": 1, "version": "x"}'),
    ("PUT", "notes/{slug}", b'{"text": "\\ud800", "version": "x"}'),
    ("PUT", "notes/{slug}", b"\xff\xfe"),
    ("PUT", "notes/{slug}", b"[" * 100_000),
    ("PUT", "progress/{slug}", b'{"done": [1]}'),
    ("PUT", "progress/{slug}", b'{"done": {"../x": true}}'),
    ("PUT", "progress/{slug}", b'{"done": {"x": {"deep": 1}}}'),
    ("PUT", "progress/{slug}", b'{"minutes": -1}'),
    ("PUT", "progress/{slug}", b'{"minutes": NaN}'),
    ("PUT", "progress/{slug}", b'{"minutes": 1e999}'),
    ("PUT", "progress/{slug}", b'{"minutes": true}'),
    ("PUT", "progress/{slug}", b'{"anchor": "\\"><script>"}'),
    ("PUT", "progress/{slug}", b'{"at": NaN}'),
    ("PUT", "settings", b'{"lang": "fr"}'),
    ("PUT", "settings", b'{"theme": "pink"}'),
    ("PUT", "settings", b'{"resume": {"anchor": "x y"}}'),
    ("POST", "quiz/{slug}/{item}", b"{}"),
    ("POST", "quiz/{slug}/{item}", b'{"answer": "not a number"}'),
    ("POST", "quiz/{slug}/{item}", b'{"answer": {"a": [1]}}'),
    ("POST", "check/{slug}/{exercise}", b'{"code": 7}'),
)


@pytest.mark.parametrize(("method", "path", "body"), BROKEN)
def test_a_body_that_makes_no_sense(
    studio: Running, lesson: Lesson, method: str, path: str, body: bytes
) -> None:
    place = path.format(slug=lesson.slug, item=lesson.quiz[0].id, exercise=lesson.exercises[0].id)
    answer = studio.ask(method, f"/gobhir/api/{place}", body=body)
    assert answer.status in (400, 404), answer.text
    refused(answer, answer.status)


def test_a_body_in_pieces_without_a_length_is_measured_too(studio: Running, slug: str) -> None:
    studio.log_in()
    line = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=PATIENCE)
    headers = {"Authorization": f"token {studio.token}"}
    pieces = (b"x" * 100_000 for _ in range(100))
    line.request("PUT", f"/gobhir/api/progress/{slug}", pieces, headers, encode_chunked=True)
    answer = line.getresponse()
    assert answer.status == 413
    assert set(json.loads(answer.read())["message"]) == {"bn", "en"}
    line.close()


def test_progress_is_merged(studio: Running, slug: str) -> None:
    address = f"/gobhir/api/progress/{slug}"
    studio.put(address, {"done": {"why": True}, "minutes": 10, "anchor": "why"})
    answer = studio.put(address, {"done": {"by-hand": 2}, "minutes": 3})
    assert answer.status == 200
    assert answer.json == studio.get(address).json
    assert answer.json["done"]["why"] is True and answer.json["done"]["by-hand"] == 2
    assert answer.json["minutes"] == 10 and answer.json["anchor"] == "why"


def right_and_wrong(lesson: Lesson) -> tuple[str, int, int]:
    """A choice item with the places of its right option and of a wrong one."""
    item = next(item for item in lesson.quiz if item.type == "choice")
    right = next(i for i, option in enumerate(item.options) if option.correct)
    return item.id, right, (right + 1) % len(item.options)


def test_a_quiz_answer_is_graded_and_remembered(studio: Running, lesson: Lesson) -> None:
    item, right, wrong = right_and_wrong(lesson)
    address = f"/gobhir/api/quiz/{lesson.slug}/{item}"
    answer = studio.post(address, {"answer": wrong})
    assert answer.status == 200 and answer.json["correct"] is False
    assert set(answer.json["explanation"]) == {"bn", "en"}
    progress = f"/gobhir/api/progress/{lesson.slug}"
    assert item not in studio.get(progress).json["done"]
    assert studio.post(address, {"answer": right}).json["correct"] is True
    assert studio.get(progress).json["done"][item] is True
    studio.post(address, {"answer": wrong})
    assert studio.get(progress).json["done"][item] is True


def test_code_is_checked_and_remembered(studio: Running, lesson: Lesson) -> None:
    exercise = lesson.exercises[0]
    address = f"/gobhir/api/check/{lesson.slug}/{exercise.id}"
    stub = studio.post(address, {"code": exercise.stub})
    assert stub.status == 200 and stub.json["passed"] is False and stub.json["tasks"]
    solved = studio.post(address, {"code": exercise.solution})
    assert solved.json["passed"] is True
    progress = studio.get(f"/gobhir/api/progress/{lesson.slug}").json
    assert progress["done"][exercise.id] is True


@pytest.mark.slow
def test_the_working_of_a_task_is_told_in_numbers(studio: Running, lesson: Lesson) -> None:
    exercise = lesson.exercise("output_delta")
    address = f"/gobhir/api/working/{lesson.slug}/{exercise.id}"
    asked = {"code": exercise.wrong[1].code, "task": 1, "width": 40}
    told = studio.post(f"{address}?lang=en", asked).json["text"].splitlines()
    assert told[0] == exercise.tests[1].call
    assert told[-2:] == ["      (0.9 - 0) * 0.9 * (1 - 0.9)", "      = 0.081"]
    refused(studio.post(address, {"code": "", "task": 3}), 404)
    refused(studio.post(address, {"code": "", "task": True}), 400)


def test_code_that_never_ends_does_not_hold_up_the_others(studio: Running, lesson: Lesson) -> None:
    address = f"/gobhir/api/check/{lesson.slug}/{lesson.exercises[0].id}"
    verdicts: list[Any] = []

    def endless() -> None:
        verdicts.append(studio.post(address, {"code": "while True:\n    pass\n"}))

    studio.log_in()
    thread = threading.Thread(target=endless)
    thread.start()
    time.sleep(0.5)
    assert studio.get(f"/gobhir/lesson/{lesson.slug}").status == 200
    assert thread.is_alive()  # the page came while the program still ran
    thread.join(timeout=PATIENCE)
    assert verdicts[0].status == 200 and verdicts[0].json["passed"] is False


def test_settings_are_kept(studio: Running, slug: str) -> None:
    place = {"slug": slug, "anchor": "why"}
    changed = studio.put("/gobhir/api/settings", {"theme": "dark", "resume": place})
    assert changed.status == 200
    assert changed.json["theme"] == "dark" and changed.json["resume"] == place
    assert studio.get("/gobhir/api/settings").json == changed.json


@pytest.mark.slow
def test_a_studio_without_a_writable_folder_still_teaches(
    start: Start, tmp_path: Any, lesson: Lesson
) -> None:
    (tmp_path / "gobhir").write_text("in the way")
    running = start(tmp_path / "gobhir")
    assert (tmp_path / "gobhir").read_text() == "in the way"
    assert running.get(f"/gobhir/lesson/{lesson.slug}?lang=bn").status == 200
    item, right, _ = right_and_wrong(lesson)
    refused(running.put("/gobhir/api/settings", {"theme": "dark"}), 403)
    refused(running.put(f"/gobhir/api/progress/{lesson.slug}", {"minutes": 1}), 403)
    notes = f"/gobhir/api/notes/{lesson.slug}"
    version = running.get(notes).json["version"]
    refused(running.put(notes, {"text": "x", "version": version}), 403)
    graded = running.post(f"/gobhir/api/quiz/{lesson.slug}/{item}", {"answer": right}).json
    assert graded["correct"] is True and set(graded["unsaved"]) == {"bn", "en"}
