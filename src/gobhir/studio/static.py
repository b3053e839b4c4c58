"""The built front end (scripts, styles, fonts) under an address that carries its version.

Only files that stood in the folder at the start are served, looked up by name in a table:
there is no path to play tricks with. Open without login; nothing in them is secret.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
from dataclasses import dataclass
from pathlib import Path

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

FOLDER = Path(__file__).parent.parent / "static"
_ALREADY_SMALL = (".woff2", ".png", ".jpg", ".webp", ".gz")
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}


@dataclass(frozen=True)
class Asset:
    """One file as it goes over the wire; `packed` is None where gzip gains nothing."""

    stamp: tuple[int, int]
    kind: str
    plain: bytes
    packed: bytes | None


class Assets:
    """The files of one folder by their name inside it, packed once and kept in memory."""

    def __init__(self, folder: Path = FOLDER):
        root = folder.resolve()
        self.files = {
            path.relative_to(root).as_posix(): path
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.resolve().is_relative_to(root)
        }
        state = [(name, _stamp(path)) for name, path in self.files.items()]
        self.version = hashlib.sha256(repr(state).encode()).hexdigest()[:12]
        self._ready: dict[str, Asset] = {}

    def get(self, name: str) -> Asset | None:
        """The file called `name`, or None."""
        path = self.files.get(name)
        if path is None:
            return None
        try:
            stamp = _stamp(path)
            known = self._ready.get(name)
            if known is None or known.stamp != stamp:
                known = self._ready[name] = _asset(path, stamp)
            return known
        except OSError:
            return None


def _stamp(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size


def _asset(path: Path, stamp: tuple[int, int]) -> Asset:
    plain = path.read_bytes()
    packed = None
    if path.suffix not in _ALREADY_SMALL:
        packed = gzip.compress(plain, 6, mtime=0)
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return Asset(stamp, kind or "application/octet-stream", plain, packed)


class StaticHandler(JupyterHandler):
    """GET gobhir/static/<version>/<name>: kept by the browser for ever, as its address says."""

    def initialize(self, assets: Assets) -> None:
        self.assets = assets

    @allow_unauthenticated
    def get(self, version: str, name: str) -> None:
        asset = self.assets.get(name)
        if asset is None:
            raise web.HTTPError(404)
        body = asset.plain
        if asset.packed is not None:
            self.set_header("Vary", "Accept-Encoding")
            if "gzip" in self.request.headers.get("Accept-Encoding", ""):
                self.set_header("Content-Encoding", "gzip")
                body = asset.packed
        lasting = "public, max-age=31536000, immutable"
        self.set_header("Cache-Control", lasting if version == self.assets.version else "no-cache")
        self.set_header("Content-Type", asset.kind)
        self.finish(body)

    head = get
