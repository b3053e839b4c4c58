"""A web server with bad habits, for fetching from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What lies at an address, and how it is given out.

    cuts: after how many bytes each of the next connections breaks off. ranges: whether the server
    can go on in the middle; misplaced: it says so, and then goes on elsewhere. tag: its ETag.
    """

    body: bytes = b""
    status: int = 200
    location: str = ""
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    misplaced: bool = False
    tag: str = '"1"'
    asked: list[dict[str, str]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    pages: dict[str, Page]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        page = self.pages[self.path]
        page.asked.append({name.lower(): value for name, value in self.headers.items()})
        start, status = self._start(page), page.status
        if start is None:
            start, status = 0, 416
        elif start:
            status = 206
        body = page.body[start:] if status in (200, 206) else b""
        self.send_response(status)
        if page.location:
            self.send_header("Location", page.location)
        if page.tag:
            self.send_header("ETag", page.tag)
        if status == 206:
            shown = start + 1 if page.misplaced else start
            self.send_header(
                "Content-Range", f"bytes {shown}-{len(page.body) - 1}/{len(page.body)}"
            )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if page.cuts:
            body = body[: page.cuts.pop(0)]
            self.close_connection = True
        self.wfile.write(body)

    def _start(self, page: Page) -> int | None:
        """Where to begin; None where the file is over before that."""
        asked = self.headers.get("Range")
        if not asked or not page.ranges or self.headers.get("If-Range", page.tag) != page.tag:
            return 0
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        return start if start < len(page.body) else None

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(pages: dict[str, Page]) -> Iterator[str]:
    """The address of a server that gives out `pages`."""
    handler = type("PagesHandler", (Handler,), {"pages": pages})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
