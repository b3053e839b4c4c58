"""Serves frontend/tests/glass.html with the widget bundled, under the studio's own policy, and
looks at what stands there. `python -m tests.browser.glass_page` serves it for you."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from frontend import bundle

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
POLICY = (
    "default-src 'none'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'"
)
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
}


@cache
def bundled(name: str = "glass") -> bytes:
    """The widget as esbuild makes it now; without Node or its packages, the built one."""
    found = bundle.find_node()
    if found is None or not (FRONTEND / "node_modules" / "esbuild").exists():
        return (bundle.STATIC / "widgets" / f"{name}.js").read_bytes()
    options = ["--bundle", "--minify", "--format=esm", "--charset=utf8", "--loader:.css=text"]
    command = [found[0], "node_modules/esbuild/bin/esbuild", *options, "--log-level=error"]
    entry = b""
    if (FRONTEND / "widgets" / f"{name}.js").exists():
        command.append(f"widgets/{name}.js")
    else:
        entry = (
            'import { moving } from "./widgets/moving/widget.js";'
            f'import {{ scene }} from "./widgets/pictures/{name}.js";'
            "export default moving(scene);"
        ).encode()
    made = subprocess.run(command, cwd=FRONTEND, check=True, input=entry, capture_output=True)
    return made.stdout


@contextmanager
def serving(port: int = 0) -> Iterator[str]:
    """The page's address, for as long as it is served."""
    from gobhir import widgets
    from gobhir.widgets import pictures

    kinds = {getattr(pictures, kind).NAME: getattr(pictures, kind) for kind in pictures.__all__}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            name = address.path.lstrip("/") or "glass.html"
            if name == "state.json":
                kind = kinds.get(query.get("picture", ""))
                picture = kind() if kind else widgets.GlassNetwork(query.get("example", "4-4-1"))
                state = picture.page_state(query.get("lang", "en"))
                self.answer(json.dumps(state).encode(), ".json")
            elif name.removesuffix(".js") in {"glass", *kinds}:
                self.answer(bundled(name.removesuffix(".js")), ".js")
            elif name in ("glass.html", "page.js", "page.css"):
                self.answer((FRONTEND / "tests" / name).read_bytes(), Path(name).suffix)
            else:
                self.send_response(204)
                self.end_headers()

        def answer(self, content: bytes, suffix: str) -> None:
            self.send_response(200)
            self.send_header(
                "Content-Type", TYPES.get(suffix, "application/json") + "; charset=utf-8"
            )
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


# ---- looking at it ----


def text(page: Page, selector: str) -> str:
    """What can be read there; SVG has no innerText."""
    return page.locator(selector).first.evaluate("e => e.innerText ?? e.textContent")


def fresh(page: Page) -> str:
    """The lines that the card shows as new, without spaces."""
    return "".join("".join(page.locator(".line-of.fresh .row").all_inner_texts()).split())


def thing(page: Page, name: str) -> Locator:
    """The neuron, wire or number of that name."""
    return page.locator(f".button[data-name='{name}']")


def eventually(page: Page, expression: str) -> None:
    """Waits, at most two seconds, until this is true; the page's policy forbids its own eval."""
    for _ in range(40):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


def contrast(one: str, other: str) -> float:
    """Between two colours like #4d5866, as WCAG reckons it: 1 to 21."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


if __name__ == "__main__":
    with serving(8765) as shown:
        print(shown)
        input("Enter stops. ")
