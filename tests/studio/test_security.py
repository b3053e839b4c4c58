"""The studio's security table, a test a row: what somebody tries, and what must happen.

The last row (another student's server under a hub) waits for the hub; the row on HTML outputs and
the one on notes are tested in Chromium too (tests/browser).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from gobhir.course.outputs import output_html
from gobhir.studio.policy import content_security_policy
from tests.studio.conftest import Running

SECRET = "আমার গোপন নোট"


def note(studio: Running, slug: str, text: str) -> str:
    """Save a note; its address."""
    address = f"/gobhir/api/notes/{slug}"
    version = studio.get(address).json["version"]
    assert studio.put(address, {"text": text, "version": version}).status == 200
    return address


def test_a_page_without_token_or_cookie(studio: Running, slug: str) -> None:
    address = note(studio, slug, SECRET)
    for page in ("/", "/gobhir/", f"/gobhir/lesson/{slug}", "/gobhir/resume", "/gobhir/nothing"):
        answer = studio.get(page, cookies=False)
        assert answer.status == 302
        where = answer.headers["Location"]
        assert where.startswith(("/login?next=", "/gobhir/resume")), where
        assert studio.token not in answer.text + where
    for api in (address, "/gobhir/api/settings", "/api/kernels", "/api/sessions"):
        answer = studio.get(api, cookies=False)
        assert answer.status == 403
        assert SECRET not in answer.text
    assert set(studio.get(address, cookies=False).json["message"]) == {"bn", "en"}
    login = studio.get("/login", cookies=False)
    assert login.status == 200
    assert SECRET not in login.text and studio.token not in login.text
    wrong = studio.get("/gobhir/?token=" + "0" * 48, cookies=False)
    assert wrong.status == 302


def test_the_token_does_not_stay_in_the_address(studio: Running, slug: str) -> None:
    page = f"/gobhir/lesson/{slug}"
    answer = studio.get(f"{page}?token={studio.token}&lang=bn", cookies=False)
    assert answer.status == 302 and answer.headers["Location"] == f"{page}?lang=bn"
    assert answer.headers["Set-Cookie"]
    assert "HttpOnly" in answer.headers["Set-Cookie"]


def test_the_folder_is_its_owners(studio: Running) -> None:
    if os.name == "nt":
        pytest.skip("Windows has other permissions")
    assert studio.home.stat().st_mode & 0o777 == 0o700


def test_post_or_put_without_xsrf(studio: Running, slug: str) -> None:
    address = note(studio, slug, "before")
    version = studio.get(address).json["version"]
    change = {"text": "after", "version": version}
    refused = studio.put(address, change, xsrf=False)
    assert refused.status == 403 and set(refused.json["message"]) == {"bn", "en"}
    assert studio.put(address, change, xsrf=False, X_XSRFToken="wrong").status == 403
    assert studio.put("/gobhir/api/settings", {"theme": "dark"}, xsrf=False).status == 403
    assert studio.post("/api/kernels", {}, xsrf=False).status == 403
    assert studio.get(address).json["text"] == "before"
    by_token = {"cookies": False, "Authorization": f"token {studio.token}"}
    assert studio.put(address, change, **by_token).status == 200
    assert studio.get(address).json["text"] == "after"


def test_a_foreign_host_header(studio: Running, slug: str) -> None:
    address = note(studio, slug, SECRET)
    static = f"/gobhir/static/x/{_some_static_file(studio, slug)}"
    for path in ("/gobhir/", f"/gobhir/lesson/{slug}", address, static, "/login", "/api/kernels"):
        for host in ("evil.example", "evil.example:8888", "192.0.2.7", "127.0.0.1.evil.example"):
            answer = studio.get(path, Host=host)
            assert answer.status == 403, (path, host)
            assert SECRET not in answer.text
    assert studio.get(static, Host=f"localhost:{studio.port}").status == 200


def _some_static_file(studio: Running, slug: str) -> str:
    return re.findall(r"/gobhir/static/\w+/([^\"]+)", studio.get(f"/gobhir/lesson/{slug}").text)[0]


def test_websocket_without_login_or_with_a_foreign_origin(studio: Running) -> None:
    kernel = studio.post("/api/kernels", {"name": "python3"}).json["id"]
    path = f"ws://{studio.host}/api/kernels/{kernel}/channels"
    here = f"http://{studio.host}"
    cookie = "; ".join(f"{name}={value}" for name, value in studio.cookies.items())

    def status(**headers: str) -> int:
        async def knock() -> int:
            try:
                connection = await websocket_connect(HTTPRequest(path, headers=headers))
            except HTTPClientError as refused:
                return refused.code
            connection.close()
            return 101

        return asyncio.run(knock())

    try:
        assert status(Origin=here) == 403
        assert status(Origin="http://evil.example", Cookie=cookie) == 403
        assert status(Origin=here, Cookie=cookie, Host="evil.example") == 403
        assert status(Origin=here, Cookie=cookie) == 101
    finally:
        assert studio.ask("DELETE", f"/api/kernels/{kernel}").status == 204


def test_api_call_with_a_foreign_origin(studio: Running, slug: str) -> None:
    address = note(studio, slug, SECRET)
    for path in (address, "/gobhir/api/settings", f"/gobhir/api/progress/{slug}", "/api/kernels"):
        answer = studio.get(path, Origin="http://evil.example")
        assert answer.status in (403, 404)
        assert SECRET not in answer.text
        assert "Access-Control-Allow-Origin" not in answer.headers
    put = studio.put("/gobhir/api/settings", {"theme": "dark"}, Origin="http://evil.example")
    assert put.status in (403, 404)
    assert studio.get("/gobhir/api/settings").json.get("theme") != "dark"
    same = studio.get(address, Origin=f"http://{studio.host}")
    assert same.json["text"] == SECRET


def test_static_files_without_login(studio: Running, slug: str) -> None:
    import gobhir

    note(studio, slug, SECRET)
    folder = Path(gobhir.__file__).parent / "static"
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    assert names
    forbidden = (studio.token, SECRET, str(studio.home), studio.cookies["_xsrf"])
    for name in names:
        answer = studio.get(f"/gobhir/static/any/{name}", cookies=False)
        assert answer.status == 200, name
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.body == (folder / name).read_bytes()
        for secret in forbidden:
            assert secret.encode() not in answer.body, name


TRICKS = (
    "..",
    "../progress.sqlite",
    "..%2Fprogress.sqlite",
    "%2e%2e%2fprogress.sqlite",
    "..%5Cprogress.sqlite",
    "%252e%252e%252fprogress.sqlite",
    "%2Fetc%2Fpasswd",
    "/etc/passwd",
    "....//progress.sqlite",
    "x%00.md",
    "out",
    "out.md",
    "C:%5CWindows%5Cwin.ini",
)


@pytest.mark.parametrize("trick", TRICKS)
def test_path_tricks_in_addresses(studio: Running, slug: str, trick: str) -> None:
    outside = studio.home.parent / "outside.md"
    outside.write_text("root:x:0:0", encoding="utf-8")
    (studio.home / "notes").mkdir(exist_ok=True)
    for name in ("notes/out.md", "out.md"):
        if not (studio.home / name).is_symlink():
            os.symlink(outside, studio.home / name)
    places = ("lesson", "api/notes", "api/progress", "lab", "static/x", "static/x/katex")
    for place in places:
        # http.client sends the path as it stands, dots and all
        answer = studio.get(f"/gobhir/{place}/{trick}")
        assert answer.status == 404, (place, answer.status)
        assert b"root:x" not in answer.body and b"SQLite format" not in answer.body
    assert studio.put(f"/gobhir/api/notes/{trick}", {"text": "", "version": ""}).status == 404
    download = studio.get(f"/files/{trick}")  # Jupyter Server's own; it fails loudly on a NUL
    assert download.status in ((500,) if "%00" in trick else (403, 404))
    assert b"root:x" not in download.body


def test_a_note_that_is_a_link_out_of_the_folder(studio: Running, slug: str) -> None:
    note(studio, slug, "mine")
    file = studio.home / "notes" / f"{slug}.md"
    outside = studio.home.parent / "elsewhere.md"
    outside.write_text("root:x:0:0", encoding="utf-8")
    file.unlink()
    os.symlink(outside, file)
    try:
        address = f"/gobhir/api/notes/{slug}"
        answer = studio.get(address)
        assert answer.status == 404 and "root:x" not in answer.text
        assert studio.put(address, {"text": "new", "version": "any"}).status == 404
        assert outside.read_text(encoding="utf-8") == "root:x:0:0"
    finally:
        file.unlink()


@pytest.mark.parametrize(
    "html",
    (
        "<script>parent.document.title = 'taken'</script>",
        '<img src="x" onerror="parent.document.title = 1">',
        '<form action="/gobhir/api/settings" method="post"><button>press</button></form>',
        '<iframe src="/gobhir/"></iframe>',
    ),
)
def test_an_html_output_with_script(html: str) -> None:
    shown = output_html({"output_type": "display_data", "data": {"text/html": html}})
    outside_template = shown.split("<template")[0] + shown.rpartition("</template>")[2]
    assert '<template class="sandboxed"' in shown
    for piece in ("<script", "onerror", "<form", "<iframe"):
        assert piece not in outside_template


def test_the_frame_for_html_outputs_has_no_origin_and_no_network(studio: Running) -> None:
    assert studio.get("/gobhir/frame", cookies=False).status == 302
    frame = studio.get("/gobhir/frame")
    policy = frame.headers["Content-Security-Policy"].split("; ")
    assert "sandbox allow-scripts" in policy and "default-src 'none'" in policy
    assert not any(rule.startswith("connect-src") for rule in policy)
    assert "frame-ancestors 'self'" in policy and "form-action 'none'" in policy
    assert studio.token not in frame.text


def test_markdown_notes_with_html_and_script(studio: Running, slug: str) -> None:
    text = "# নোট\n<script>alert(1)</script><img src=x onerror=alert(1)>"
    address = note(studio, slug, text)
    answer = studio.get(address)
    assert answer.json["text"] == text
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for page in ("/gobhir/", f"/gobhir/lesson/{slug}"):
        assert "alert(1)" not in studio.get(page).text


def test_a_note_or_a_state_of_10_mb(studio: Running, slug: str) -> None:
    address = note(studio, slug, "small")
    version = studio.get(address).json["version"]
    big = "x" * 10_000_000
    for path, change in (
        (address, {"text": big, "version": version}),
        (f"/gobhir/api/progress/{slug}", {"done": {"block": big}}),
        ("/gobhir/api/settings", {"theme": big}),
    ):
        answer = studio.put(path, change)
        assert answer.status == 413, path
        assert set(answer.json["message"]) == {"bn", "en"}
    assert studio.get(address).json["text"] == "small"


def test_a_post_of_1_gb(studio: Running, slug: str) -> None:
    """The refusal comes before the gigabyte: the server reads none of it."""
    studio.log_in()
    with socket.create_connection(("127.0.0.1", studio.port), timeout=60) as line:
        line.sendall(
            f"POST /gobhir/api/settings HTTP/1.1\r\nHost: {studio.host}\r\n"
            f"Authorization: token {studio.token}\r\nContent-Length: 1073741824\r\n\r\n".encode()
        )
        answer = line.recv(4096).decode()
    assert answer.split()[1] == "413" and '"bn"' in answer
    assert studio.get(f"/gobhir/lesson/{slug}").status == 200


def test_web_terminals(studio: Running) -> None:
    assert studio.get("/api/terminals").status == 404
    assert studio.post("/api/terminals", {}).status == 404
    assert studio.get("/terminals/websocket/1").status == 404


def test_the_policy_of_our_pages(studio: Running, slug: str) -> None:
    wanted = (
        "default-src 'none'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        "font-src 'self'; img-src 'self' data: blob:; "
        f"connect-src 'self' ws://{studio.host} wss://{studio.host}; frame-src 'self' blob:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    )
    for page in ("/gobhir/", f"/gobhir/lesson/{slug}", "/gobhir/nothing", "/login"):
        answer = studio.get(page, cookies=page != "/login")
        assert answer.headers["Content-Security-Policy"] == wanted, page
        assert "<script>" not in answer.text and "onclick" not in answer.text
    assert content_security_policy("evil.example; script-src *").count("evil") == 0


@pytest.mark.slow
def test_nobody_elses_configuration_opens_the_studio(tmp_path: Path, start, slug: str) -> None:
    config = tmp_path / "jupyter" / "config"
    config.mkdir(parents=True)
    (config / "jupyter_server_config.py").write_text(
        "c.IdentityProvider.token = ''\nc.ServerApp.disable_check_xsrf = True\n"
        "c.ServerApp.ip = '0.0.0.0'\nc.ServerApp.allow_origin = '*'\n"
    )
    running = start(tmp_path / "gobhir", JUPYTER_TOKEN="known")
    assert running.token not in ("", "known")
    assert running.get("/gobhir/", cookies=False).status == 302
    assert running.put("/gobhir/api/settings", {"theme": "dark"}, xsrf=False).status == 403
    assert "Access-Control-Allow-Origin" not in running.get("/gobhir/").headers
    shutil.rmtree(config)
