"""Starting and stopping for real: addresses, ports, Ctrl-C, kill -9, a second start."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from jupyter_client.ioloop import AsyncIOLoopKernelManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from gobhir.lang import t
from gobhir.studio import serve as serve_lazily
from gobhir.studio.serve import configuration
from gobhir.studio.server import StudioServer, can_open_browser
from tests.studio.conftest import PATIENCE, Running, Start, environment

# Each starts a real server process; together they take longer than a quick look should.
pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "gobhir"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def save_note(running: Running, slug: str, text: str) -> None:
    address = f"/gobhir/api/notes/{slug}"
    version = running.get(address).json["version"]
    assert running.put(address, {"text": text, "version": version}).status == 200


def test_the_printed_address_opens_the_studio(start: Start, home: Path, slug: str) -> None:
    running = start(home)
    assert running.address.startswith("http://127.0.0.1:")
    assert len(running.token) == 48
    first = running.get(f"/?token={running.token}", cookies=False)
    assert first.headers["Location"] == f"/gobhir/resume?token={running.token}"
    second = running.get(first.headers["Location"], cookies=False)
    assert second.headers["Location"] == "/gobhir/resume" and second.headers["Set-Cookie"]
    assert running.get("/gobhir/resume").headers["Location"] == "/gobhir/"
    page = running.get("/gobhir/")
    assert page.status == 200 and running.token not in page.text


def test_it_resumes_where_the_learner_left(start: Start, home: Path, slug: str) -> None:
    running = start(home)
    place = {"slug": slug, "anchor": "by-hand"}
    assert running.put("/gobhir/api/settings", {"resume": place}).status == 200
    assert running.interrupt() == 0
    again = start(home)
    resume = again.get("/gobhir/resume")
    assert resume.headers["Location"] == f"/gobhir/lesson/{slug}#by-hand"


def test_the_terminal_speaks_the_learners_language(start: Start, home: Path) -> None:
    running = start(home, "lang='bn'")
    assert running.said("studio.serve.running", "bn")
    assert running.interrupt() == 0
    assert running.said("studio.serve.stopping", "bn")
    again = start(home)  # GOBHIR_LANG says en; what the learner chose is remembered
    assert again.said("studio.serve.running", "bn")
    assert '<html lang="bn"' in again.get("/gobhir/").text


def test_a_terminal_without_bangla_gets_english(start: Start, home: Path) -> None:
    running = start(home, "lang='bn'", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert running.said("studio.serve.running", "en")


def test_a_folder_that_cannot_be_written_is_said_at_the_start(start: Start, home: Path) -> None:
    home.write_text("in the way")
    running = start(home)
    assert running.said("studio.serve.unsaved") and str(home) in running.printed[0]
    assert running.get("/gobhir/").status == 200


def test_a_damaged_file_is_said_at_the_start(start: Start, home: Path) -> None:
    home.mkdir()
    (home / "progress.sqlite").write_text("no database")
    running = start(home, "lang='bn'")
    assert running.said("studio.serve.damaged", "bn")
    assert "progress.sqlite.damaged-" in running.printed[0]
    assert running.get("/gobhir/").status == 200


def test_ctrl_c_stops_it_at_once_and_leaves_nothing(start: Start, home: Path, slug: str) -> None:
    running = start(home)
    save_note(running, slug, "kept")
    assert running.interrupt() == 0  # waits PATIENCE, and a question would wait for ever
    text = "\n".join(running.printed)
    assert running.said("studio.serve.stopping") and "Traceback" not in text and "(y/" not in text
    assert (home / "notes" / f"{slug}.md").read_text() == "kept"
    assert not (home / "open-studio.html").exists()
    assert not list((home.parent / "jupyter" / "runtime").glob("jpserver-*"))


def kernel_processes(running: Running) -> list[int]:
    """The process ids of the kernels that the studio started."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return not Path(f"/proc/{pid}/stat").read_text().split(")")[1].strip().startswith("Z")
    except (OSError, IndexError):
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes by /proc")
@pytest.mark.parametrize("how", ("interrupt", "kill"))
def test_no_kernel_outlives_the_studio(start: Start, home: Path, how: str) -> None:
    running = start(home)
    session = {"path": "gobhir", "name": "gobhir", "type": "studio", "kernel": {"name": "python3"}}
    first = running.post("/api/sessions", session)
    again = running.post("/api/sessions", session)
    assert first.status == 201 and first.json["kernel"]["id"] == again.json["kernel"]["id"]
    kernels = kernel_processes(running)
    assert kernels
    getattr(running, how)()
    deadline = time.monotonic() + PATIENCE
    while any(is_alive(pid) for pid in kernels) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(is_alive(pid) for pid in kernels)


async def _keep_busy(running: Running, kernel: str) -> None:
    """Let a kernel run for ever, and return once it does."""
    cookie = "; ".join(f"{name}={value}" for name, value in running.cookies.items())
    address = f"ws://{running.host}/api/kernels/{kernel}/channels?session_id=one"
    line = await websocket_connect(HTTPRequest(address, headers={"Cookie": cookie}))
    content = {"code": "while True: pass", "silent": False, "store_history": True,
               "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}  # fmt: skip
    header = {"msg_id": "1", "msg_type": "execute_request", "session": "one", "username": "",
              "version": "5.3", "date": "2026-01-01T00:00:00Z"}  # fmt: skip
    await line.write_message(
        json.dumps(
            {
                "header": header,
                "parent_header": {},
                "metadata": {},
                "content": content,
                "channel": "shell",
                "buffers": [],
            }
        )  # fmt: skip
    )
    while True:
        message = json.loads(await line.read_message() or "{}")
        if message["header"]["msg_type"] == "execute_input":
            return


@pytest.mark.slow
def test_a_kernel_talks_to_the_studio_alone(start: Start, home: Path) -> None:
    """On a computer that many use, no other user can listen to what a kernel prints."""
    if not zmq.has("curve"):
        pytest.skip("this ZeroMQ cannot encrypt")
    running = start(home)
    kernel = running.post("/api/kernels", {"name": "python3"}).json["id"]
    asyncio.run(asyncio.wait_for(_keep_busy(running, kernel), PATIENCE))  # it runs code
    [file] = (home.parent / "jupyter" / "runtime").glob(f"kernel-{kernel}.json")
    facts = json.loads(file.read_text())
    if os.name != "nt":
        assert file.stat().st_mode & 0o077 == 0
    assert facts["ip"] == "127.0.0.1" and facts["key"]
    if hasattr(AsyncMappingKernelManager, "transport_encryption"):
        assert facts["curve_publickey"] and facts["curve_secretkey"]


def test_a_kernel_says_nothing_in_the_terminal(start: Start, home: Path) -> None:
    running = start(home)
    before = list(running.printed)
    running.post("/api/kernels", {"name": "python3"})
    assert running.interrupt() == 0  # while the kernel is still starting
    told = [line for line in running.printed[len(before) :] if line and "Ctrl-C" not in line]
    assert told == [t("studio.serve.stopping", "en")]


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_code_that_never_ends(start: Start, home: Path) -> None:
    running = start(home)
    kernel = running.post("/api/kernels", {"name": "python3"}).json["id"]
    asyncio.run(asyncio.wait_for(_keep_busy(running, kernel), PATIENCE))
    assert running.interrupt() == 0


def test_the_studio_on_somebodys_own_jupyter_server(tmp_path: Path, slug: str) -> None:
    """As JupyterHub starts it: an extension among others, on a base address of its own."""
    port, token = free_port(), "a-token-of-their-own"
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser",
         f"--port={port}", f"--IdentityProvider.token={token}", "--ServerApp.base_url=/user/rina/",
         "--ServerApp.jpserver_extensions={'gobhir.studio': True}"],
        env=environment(tmp_path / "gobhir"), cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    running = Running(process, tmp_path / "gobhir", [f"http://127.0.0.1:{port}/?token={token}"])
    known = {"Authorization": f"token {token}", "cookies": False}
    try:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                page = running.get(f"/user/rina/gobhir/lesson/{slug}", **known)
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        assert page.status == 200
        assert 'src="/user/rina/gobhir/static/' in page.text
        assert '"baseUrl":"/user/rina/"' in page.text
        address = f"/user/rina/gobhir/api/notes/{slug}"
        version = running.get(address, **known).json["version"]
        assert running.put(address, {"text": "hub", "version": version}, **known).status == 200
        assert (tmp_path / "gobhir" / "notes" / f"{slug}.md").read_text() == "hub"
        assert running.get(address, cookies=False).status == 403
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def test_kill_9_loses_no_note_and_no_progress(start: Start, home: Path, slug: str) -> None:
    running = start(home)
    for number in range(5):
        save_note(running, slug, f"নোট {number}")
    running.put(f"/gobhir/api/progress/{slug}", {"done": {"why": True}, "anchor": "why"})
    running.put("/gobhir/api/settings", {"theme": "dark"})
    running.kill()
    again = start(home)
    assert again.get(f"/gobhir/api/notes/{slug}").json["text"] == "নোট 4"
    assert (home / "notes" / f"{slug}.md").read_text(encoding="utf-8") == "নোট 4"
    assert again.get(f"/gobhir/api/progress/{slug}").json["done"] == {"why": True}
    assert again.get("/gobhir/api/settings").json["theme"] == "dark"


def test_the_tab_that_was_open_goes_on_after_a_restart(start: Start, home: Path, slug: str) -> None:
    port = free_port()
    running = start(home, f"port={port}")
    running.log_in()
    running.kill()
    again = start(home, f"port={port}")
    again.cookies = running.cookies
    assert again.get(f"/gobhir/lesson/{slug}").status == 200
    save_note(again, slug, "from the old tab")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_a_port_in_use_that_was_asked_for(start: Start, home: Path, taken: int) -> None:
    running = start(home, f"port={taken}, lang='bn'", wait=False)
    assert running.end() == 1
    assert str(taken) in running.printed[-1]
    assert running.said("studio.serve.port_in_use", "bn")


def test_a_port_in_use_that_nobody_asked_for(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path / "one" / "gobhir")
    second = start(tmp_path / "two" / "gobhir")
    assert first.port != second.port
    assert first.get("/gobhir/").status == second.get("/gobhir/").status == 200


def test_no_port_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def taken(port: int, ip: str) -> None:
        tried.append(port)
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr("gobhir.studio.server.bind_sockets", taken)
    with pytest.raises(OSError) as problem:
        StudioServer(port=8888, port_retries=3)._find_http_port()
    assert tried == [8888, 8889, 8890, 8891]
    assert str(problem.value) == t("studio.serve.no_port", port=8888)


@pytest.mark.parametrize("port", (0, -1, 65536, 10**9))
def test_a_port_that_does_not_exist(port: int) -> None:
    with pytest.raises(ValueError, match="65535"):
        serve_lazily(port=port)


def test_an_unknown_language() -> None:
    with pytest.raises(ValueError, match="fr"):
        serve_lazily(lang="fr")


def test_a_second_start_shows_the_first(start: Start, home: Path) -> None:
    running = start(home)
    for arguments in ("", f"port={running.port}"):
        second = start(home, arguments)
        assert second.process.wait(timeout=PATIENCE) == 0
        assert second.address == running.address
        assert second.said("studio.serve.already")
    assert running.get("/gobhir/").status == 200


def test_a_studio_that_was_killed_does_not_stand_in_the_way(start: Start, home: Path) -> None:
    running = start(home)
    running.kill()
    [info] = (home.parent / "jupyter" / "runtime").glob("jpserver-*.json")
    facts = json.loads(info.read_text())
    info.write_text(json.dumps({**facts, "pid": os.getpid()}))  # the number lives on in another
    again = start(home)
    assert not again.said("studio.serve.already")
    assert again.get("/gobhir/").status == 200


def test_two_studios_on_one_folder_are_safe(start: Start, home: Path, slug: str) -> None:
    first = start(home)
    second = start(home, JUPYTER_RUNTIME_DIR=str(home.parent / "elsewhere"))
    assert first.port != second.port
    save_note(first, slug, "from the first")
    address = f"/gobhir/api/notes/{slug}"
    assert second.get(address).json["text"] == "from the first"
    save_note(second, slug, "from the second")
    assert first.get(address).json["text"] == "from the second"
    old = {"text": "too late", "version": "0" * 32}
    assert first.put(address, old).status == 409


def test_an_idle_kernel_is_put_away(home: Path) -> None:
    """What is configured reaches the classes that act on it."""
    home.mkdir()
    made = configuration(home, open_browser=False)
    server = StudioServer(config=made)
    manager = AsyncMappingKernelManager(parent=server)
    assert manager.cull_idle_timeout == 3600 and manager.cull_connected
    assert not manager.cull_busy
    assert AsyncIOLoopKernelManager(parent=manager).shutdown_wait_time == 1.0
    assert server.ip == "127.0.0.1" and not server.terminals_enabled
    assert server.root_dir == str(home)


def test_a_terminated_studio_stops_cleanly(start: Start, home: Path) -> None:
    running = start(home)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=PATIENCE) == 0
    assert not (home / "open-studio.html").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell what children used")
def test_start_is_quick(start: Start, home: Path) -> None:
    """Under 2 s of computing, however much else the machine has to do."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start(home).interrupt()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_a_browser_is_opened_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert not can_open_browser()
    monkeypatch.setenv("DISPLAY", ":0")
    assert can_open_browser()


def test_the_browser_gets_the_address_that_lets_it_in(
    start: Start, home: Path, tmp_path: Path
) -> None:
    """A stand-in browser writes down what it was asked to open."""
    browser = tmp_path / "browser.sh"
    browser.write_text(f'#!/bin/sh\ncd {tmp_path}; printf "%s" "$1" > part; mv part opened\n')
    browser.chmod(0o755)
    running = start(home, BROWSER=f"{browser} %s")
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "opened").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    opened = (tmp_path / "opened").read_text()
    assert opened == (home / "open-studio.html").as_uri()
    page = home / "open-studio.html"
    assert running.token in page.read_text()
    assert page.stat().st_mode & 0o777 == 0o600
