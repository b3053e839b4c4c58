"""The learner's notes: one plain Markdown file a lesson, `notes/<slug>.md`, that the learner owns;
the playground has one, too.

The database holds the same text, so that each can mend the other. Whoever edits the file outside
the studio wins over what the database remembers; whoever saves from a page that had not seen the
newest text is refused, with both texts kept.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from gobhir.learner.refusal import Refusal, refusal_of
from gobhir.learner.store import Store

PLAYGROUND = "playground"
"""The note that belongs to no lesson: notes/playground.md."""
LIMIT = 1_000_000  # bytes of one note: far beyond what anybody writes by hand


@dataclass(frozen=True)
class Note:
    """A note as it stands. `version` names exactly this text; `saved_at`: seconds since 1970."""

    text: str
    version: str
    saved_at: float | None


class Notes:
    """The notes of one learner's folder."""

    def __init__(self, store: Store):
        self.store = store
        self.folder = store.folder / "notes"

    def path(self, slug: str) -> Path:
        """The file of a note; a link that leads out of the learner's folder is not found."""
        path = self.folder / f"{slug}.md"
        plain = os.path.join(os.path.realpath(self.store.folder), "notes", f"{slug}.md")
        if os.path.realpath(path) != plain:
            raise Refusal("notfound")
        return path

    def read(self, slug: str) -> Note:
        """The note of a lesson, empty where there is none. An edit made outside is taken over."""
        path = self.path(slug)
        raw = self._file(path)
        remembered = self._remembered(slug)
        if raw is None:
            return remembered or Note("", version_of(""), None)
        text = _text_of(raw)
        if remembered is None:
            return Note(text, version_of(text), _written_at(path))
        if version_of(text) in (remembered.version, self._in_file(slug)):
            return remembered  # the same text, or one that our own save had still to replace
        return Note(text, version_of(text), _written_at(path))

    def mend(self) -> None:
        """Finish what a killed studio had saved but not yet written into the files."""
        try:
            with self.store.reading() as db:
                rows = db.execute("SELECT slug, text, in_file FROM note").fetchall() if db else []
            for slug, text, in_file in rows:
                version, path = version_of(text), self.path(slug)
                raw = self._file(path)
                there = version_of(_text_of(raw)) if raw is not None else ""
                if there == in_file != version:
                    self._swap_in(_write_beside(path, text.encode()), path, slug, version)
        except (OSError, Refusal):
            return  # nothing is lost: the database has it, and the next start tries again

    def write(self, slug: str, text: str, version: str) -> Note:
        """Save `text`, written by somebody who had read the note at `version`.

        When this returns, the text is on the disk, in the database and in the file. Raises a
        Refusal (conflict, large, readonly, full, ...) and then nothing that was there is lost.
        """
        if len(text.encode("utf-8")) > LIMIT:
            raise Refusal("large", limit=LIMIT // 1_000_000)
        path = self.path(slug)
        temporary: Path | None = None
        try:
            with self.store.writing() as db:
                now = self.read(slug)
                if version != now.version and text != now.text:
                    copy = self.keep(slug, text.encode())
                    raise Refusal(
                        "conflict",
                        {"text": now.text, "version": now.version, "copy": copy.name},
                        copy=copy.name,
                    )
                raw = self._file(path)
                if raw is not None and not _is_utf8(raw):
                    self.keep(slug, raw)
                saved = Note(text, version_of(text), time.time())
                # First the new text beside the old one, then the commit, then the swap: a full
                # disk stops before anything changed, and a kill in between is mended by `read`.
                temporary = _write_beside(path, text.encode())
                in_file = version_of(_text_of(raw)) if raw is not None else ""
                db.execute(
                    "INSERT INTO note VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " text = excluded.text, in_file = excluded.in_file,"
                    " saved_at = excluded.saved_at",
                    (slug, text, in_file, saved.saved_at),
                )
            if self._file(path) != raw:  # edited outside in this very moment: keep that one too
                self.keep(slug, self._file(path) or b"")
            self._swap_in(temporary, path, slug, saved.version)
            return saved
        except OSError as error:
            raise refusal_of(error, self.store.folder) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    # -- the two places -----------------------------------------------------------------------

    def _remembered(self, slug: str) -> Note | None:
        with self.store.reading() as db:
            row = (
                db
                and db.execute("SELECT text, saved_at FROM note WHERE slug = ?", (slug,)).fetchone()
            )
        return Note(row[0], version_of(row[0]), row[1]) if row else None

    def _in_file(self, slug: str) -> str | None:
        """The version that stood in the file when the database last took a new text."""
        with self.store.reading() as db:
            row = db and db.execute("SELECT in_file FROM note WHERE slug = ?", (slug,)).fetchone()
        return row[0] if row else None

    def _file(self, path: Path) -> bytes | None:
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise Refusal("notfound")
            if found.st_size > 2 * LIMIT:
                raise Refusal("large", limit=LIMIT // 1_000_000)
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise refusal_of(error, self.store.folder) from error

    def _swap_in(self, temporary: Path, path: Path, slug: str, version: str) -> None:
        try:
            os.replace(temporary, path)
        except OSError:  # open in an editor on Windows: the database has the text, `mend` goes on
            return
        _sync_folder(self.folder)
        with self.store.writing() as db:
            db.execute("UPDATE note SET in_file = ? WHERE slug = ?", (version, slug))

    def keep(self, slug: str, raw: bytes) -> Path:
        """Keep a text that lost, as a file of its own; the same text only once."""
        copy = self.folder / f"{slug}.copy-{hashlib.sha256(raw).hexdigest()[:8]}.md"
        if not copy.exists():
            write_whole(copy, raw)
        return copy


def version_of(text: str) -> str:
    """The name of a text: the same text always has the same version."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file so that nobody, whatever happens, ever meets half of it."""
    os.replace(_write_beside(path, raw), path)


def _write_beside(path: Path, raw: bytes) -> Path:
    """A temporary file next to `path` that holds `raw`, safe on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            if path.exists():
                shutil.copymode(path, name)
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(name)
        raise
    return Path(name)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _text_of(raw: bytes) -> str:
    """What an editor put into the file: UTF-8, or what Windows writes, or the readable part."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")


def _written_at(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle on a folder; its rename is durable by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
