"""Fetching a file: over several mirrors, going on where it was cut, and checked before it counts.

While it comes it is called `.part`; only a file with the right checksum gets its own name.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from gobhir.datasets.catalogue import Archive, File
from gobhir.datasets.disk import full, written
from gobhir.datasets.finding import sha256
from gobhir.lang import Message, say, t

CHUNK = 1 << 16
TIMEOUT = 30.0
"""Seconds without a byte before a connection counts as dead."""
TRIES = 5
"""How often in a row a mirror may break off."""
PAUSE = 0.5
"""Seconds before the second try; each further pause is twice as long."""
ROOM = 16 << 20
"""Bytes that have to stay free on the disk."""
Trouble = tuple[str, Message]


class Unreachable(OSError):
    """No mirror gave the file. `troubles`: (address, what went wrong) of each."""

    def __init__(self, file: File | Archive, troubles: list[Trouble]):
        self.troubles = troubles
        super().__init__(say("datasets.fetch.nowhere", name=file.name, tried=Lines(troubles)))


class Lines(Message):
    """A line for each address, in the language of the sentence around them."""

    def __init__(self, troubles: list[Trouble]):
        super().__init__("", {})
        self.troubles = troubles

    def text(self, lang: str) -> str:
        return "\n".join(f"  {url}: {why.text(lang)}" for url, why in self.troubles)


class _Bad(Exception):
    """This mirror will not do. `message` says why; `again`: whether to try it once more."""

    def __init__(self, message: Message, again: bool = False):
        self.message = message
        self.again = again


def fetch(file: File | Archive, target: Path, advance: Callable[[int], Any] | None = None) -> None:
    """Fetch `file` to `target`, from the first of its mirrors that has it.

    advance: told how many bytes there are after each piece. Unreachable: no mirror gave it.
    OSError: the disk is full, or the folder cannot be written.
    """
    with written(target.parent):
        part = target.with_name(f"{target.name}.part")
        _enough_room(target.parent, file.size - _size(part))
        troubles: list[Trouble] = []
        for url in file.urls:
            try:
                _from_mirror(url, file, part, advance or (lambda count: None))
            except _Bad as bad:
                troubles.append((url, bad.message))
                continue
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise full(target.parent, file.size - _size(part)) from error
                raise
            os.replace(part, target)
            _validator(part).unlink(missing_ok=True)
            return
        raise Unreachable(file, troubles)


def _from_mirror(url: str, file: File | Archive, part: Path, advance: Callable[[int], Any]) -> None:
    """Fill `part` with the whole file, checked; a mirror that breaks off is asked for the rest."""
    tries, pause, most = 0, PAUSE, _size(part)
    while True:
        before = _size(part)
        try:
            if before != file.size:
                _piece(url, file, part, advance)
            if sha256(part) == file.sha256:
                return
            _forget(part)
            # What was there before may have been the bad half: one more try, from the start.
            raise _Bad(say("datasets.fetch.checksum", want=file.sha256[:16]), again=before > 0)
        except _Bad as bad:
            tries += 1
            if _size(part) > most:  # not merely more than a moment ago: that could go in circles
                tries, pause, most = 1, PAUSE, _size(part)
            if not bad.again or tries >= TRIES:
                raise
            time.sleep(pause)
            pause *= 2


def _piece(url: str, file: File | Archive, part: Path, advance: Callable[[int], Any]) -> None:
    """One connection: from where `part` ends, if the server can do that, else from the start."""
    have = _size(part)
    if have > file.size:
        _forget(part)
        have = 0
    with _asked(url, part, have) as answer:
        goes_on = answer.status == 206 and _starts_at(answer, have)
        if answer.status == 206 and not goes_on:
            _forget(part)
            raise _Bad(say("datasets.fetch.range"), again=True)
        _remember(url, part, answer)
        with part.open("ab" if goes_on else "wb") as to:
            _receive(answer, to, have if goes_on else 0, file.size, advance)
    if _size(part) < file.size:
        got = {"got": _size(part), "size": file.size}
        raise _Bad(say("datasets.fetch.cut", **got), again=True)


def _asked(url: str, part: Path, have: int) -> Any:
    """The server's answer; _Bad where it gives none."""
    request = urllib.request.Request(url, headers=_headers(url, part, have))
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # there is no rest where `part` ends
            _forget(part)
        again = error.code in (408, 416, 429) or error.code >= 500
        raise _Bad(say("datasets.fetch.status", code=error.code), again) from error
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise _Bad(say("datasets.fetch.network", reason=reason)) from error
    except (OSError, http.client.HTTPException) as error:  # it took the request, and fell silent
        raise _broken_off(error) from error


def _receive(
    answer: IO[bytes], to: IO[bytes], have: int, size: int, advance: Callable[[int], Any]
) -> None:
    advance(have)
    while chunk := _read(answer):
        have += len(chunk)
        if have > size:
            to.truncate(0)
            raise _Bad(say("datasets.fetch.long", size=size))
        to.write(chunk)
        advance(have)


def _read(answer: IO[bytes]) -> bytes:
    try:
        return answer.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _broken_off(error) from error


def _broken_off(error: Exception) -> _Bad:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return _Bad(say("datasets.fetch.network", reason=reason), again=True)


def _headers(url: str, part: Path, have: int) -> dict[str, str]:
    headers = {"User-Agent": "gobhir", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        # If-Range: the rest only of the file that the first part is from; else all of it anew.
        with contextlib.suppress(OSError, ValueError):
            known, validator = _validator(part).read_text("utf-8").split("\n")
            if known == url:
                headers["If-Range"] = validator
    return headers


def _starts_at(answer: Any, have: int) -> bool:
    return (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _validator(part: Path) -> Path:
    """Beside `part`: which mirror it is from, and what that called this version of the file."""
    return part.with_name(f"{part.name}.from")


def _remember(url: str, part: Path, answer: Any) -> None:
    tag = answer.headers.get("ETag") or ""
    validator = answer.headers.get("Last-Modified") if tag.startswith("W/") or not tag else tag
    if validator:
        _validator(part).write_text(f"{url}\n{validator}", "utf-8")
    else:
        _validator(part).unlink(missing_ok=True)


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _enough_room(folder: Path, needed: int) -> None:
    if shutil.disk_usage(folder).free < needed + ROOM:
        raise full(folder, needed)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time fetches into a folder; the others wait, and then find what it got."""
    with written(folder), (folder / ".lock").open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            for _ in range(360):  # each gives up after ten seconds
                with contextlib.suppress(OSError):
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
        else:
            import fcntl

            with contextlib.suppress(OSError):  # a network's folder may know no locks
                fcntl.flock(file, fcntl.LOCK_EX)
        yield  # the lock's file stays, or two could each hold one


@contextlib.contextmanager
def progress(name: str, size: int) -> Iterator[Callable[[int], Any]]:
    """A bar on stderr where that is a terminal, else a line; told how many bytes there are."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        print(t("datasets.fetch.begin", name=name, size=megabytes(size)), file=sys.stderr)
        yield lambda count: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=size)
        yield lambda count: bar.update(task, completed=count)


def megabytes(size: int) -> str:
    """14.2 MB, or 34 kB."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(round(size / 1e3), 1)} kB"
