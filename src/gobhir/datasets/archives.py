"""Archives (zip, wheel, tar.*, Debian's deb) are opened as if a stranger had made them.

Nothing is written outside the folder, no link is made, and nobody fills the disk: there are limits
on how many files come out, how large they are, and how much more than went in.
"""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from gobhir.datasets.disk import full, written
from gobhir.lang import Message, say

INSIDE = "!/"
"""Between an archive inside an archive and the path in it: "outer/inner.tar.gz!/file"."""
CHUNK = 1 << 20
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)
"""Over what the standard library falls when an archive is mangled."""


@dataclass(frozen=True)
class Limits:
    """total: bytes that may come out; count: files; ratio: how many times the archive's own size
    may come out, where that is more than `free` bytes."""

    total: int = 4 << 30
    count: int = 200_000
    ratio: int = 200
    free: int = 64 << 20


LIMITS = Limits()


@dataclass(frozen=True)
class _Member:
    """What an archive says about one of its entries. kind: file, folder, or other."""

    name: str
    size: int
    kind: str
    handle: Any


def unpack(path: Path, folder: Path, limits: Limits = LIMITS) -> None:
    """Unpack all of an archive into `folder`, which must not exist yet: all of it, or nothing.

    ValueError: it is no archive, is broken, holds links or paths that lead out of the folder, or
    is beyond the limits.
    """
    if folder.exists():
        raise ValueError(say("datasets.archive.exists", folder=folder))
    with written(folder.parent), _scratch(folder.parent) as scratch:
        out = scratch / "out"
        out.mkdir()
        _write(path, out, None, limits, folder)
        os.replace(out, folder)


def take(path: Path, members: dict[str, str], folder: Path, limits: Limits = LIMITS) -> None:
    """Take single files out of an archive. members: name in `folder` -> path in the archive,
    where "!/" goes on inside an archive that lies in it. All of them, or nothing."""
    with written(folder), _scratch(folder) as scratch:
        direct = {inside: name for name, inside in members.items() if INSIDE not in inside}
        nested: dict[str, dict[str, str]] = {}
        for name, inside in members.items():
            outer, _, inner = inside.partition(INSIDE)
            if inner:
                nested.setdefault(outer, {})[name] = inner
        # Names that no catalogue gives to a file of a data set.
        boxes = {outer: f".box{k}{_suffix(outer)}" for k, outer in enumerate(nested)}
        _write(path, scratch, direct | boxes, limits, folder)
        for outer, inner_members in nested.items():
            take(scratch / boxes[outer], inner_members, scratch, limits)
        for name in members:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(scratch / name, folder / name)


def _suffix(name: str) -> str:
    return "".join(Path(name).suffixes[-2:])


@contextlib.contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """A folder beside where the files go, so that moving them is one step; gone at the end."""
    scratch = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(
    path: Path, scratch: Path, wanted: dict[str, str] | None, limits: Limits, folder: Path
) -> None:
    """Write the members into `scratch`, all of them, or those in `wanted` under its names.
    folder: where they will go in the end, for messages."""
    try:
        with _opened(path) as (entries, read):
            members = _within_limits(path, entries, limits)
            if wanted is None:
                names = [(member, _safe_name(path, member)) for member in members]
            else:
                names = [(m, wanted[m.name]) for m in members if m.name in wanted]
            _all_there(path, names, wanted)
            needed = sum(member.size for member, _ in names)
            if needed > shutil.disk_usage(scratch).free:
                raise full(folder, needed)
            for member, name in names:
                target = scratch / name
                if member.kind == "folder":
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with read(member) as source, target.open("xb") as file:
                    _copy(path, member, source, file)
    except BROKEN as error:
        if error.args and isinstance(error.args[0], Message):
            raise
        if isinstance(error, OSError):
            if error.filename == str(path):
                told = {"path": path, "reason": error.strerror}
                raise FileNotFoundError(say("datasets.no_file", **told)) from error
            if error.filename or error.errno == errno.ENOSPC:
                raise  # of the files that are written
        raise ValueError(say("datasets.archive.broken", path=path, reason=error)) from error


def _within_limits(path: Path, entries: Iterator[_Member], limits: Limits) -> list[_Member]:
    """All members; stops at the first that is beyond the limits, since only to list a bomb may
    take hours."""
    members, total, packed = [], 0, path.stat().st_size
    for member in entries:
        members.append(member)
        total += member.size
        if len(members) > limits.count:
            raise ValueError(say("datasets.archive.count", path=path, most=limits.count))
        if total > limits.total:
            raise ValueError(say("datasets.archive.total", path=path, most=limits.total >> 20))
        if total > limits.free and total > packed * limits.ratio:
            told = {"size": total >> 20, "packed": packed >> 10}
            raise ValueError(say("datasets.archive.ratio", path=path, **told))
    return members


def _all_there(path: Path, names: list[tuple[_Member, str]], wanted: dict[str, str] | None) -> None:
    """Each file once (also where capital letters do not count, nor as a folder of others), and
    each that is wanted."""
    files: set[str] = set()
    folders: set[str] = set()
    for member, name in names:
        if member.kind == "other" or (member.kind == "folder" and wanted is not None):
            raise ValueError(say("datasets.archive.link", path=path, name=member.name))
        place = PurePosixPath(name.lower())
        if member.kind == "file" and str(place) in files:
            raise ValueError(say("datasets.archive.twice", path=path, name=member.name))
        (files if member.kind == "file" else folders).add(str(place))
        folders.update(map(str, place.parents))
    if both := files & folders:
        raise ValueError(say("datasets.archive.twice", path=path, name=min(both)))
    missing = set(wanted or ()) - {member.name for member, _ in names}
    if missing:
        raise ValueError(say("datasets.archive.member", path=path, name=min(missing)))


_DRIVE = re.compile(r"^[A-Za-z]:")


def _safe_name(path: Path, member: _Member) -> str:
    """The member's name, when it stays inside."""
    name = member.name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    outside = name.startswith("/") or _DRIVE.match(name) or ".." in parts or "\0" in name
    if outside or (not parts and member.kind == "file"):
        raise ValueError(say("datasets.archive.escape", path=path, name=member.name))
    return "/".join(parts)


def _copy(path: Path, member: _Member, source: IO[bytes], file: IO[bytes]) -> None:
    """Copy not one byte more than was announced."""
    left = member.size
    while chunk := source.read(min(CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise ValueError(say("datasets.archive.liar", path=path, name=member.name))
        file.write(chunk)
    if left:
        raise EOFError(f"{member.name}: {left} bytes are missing")


# -- the kinds of archive --------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Iterator[_Member], Any]]:
    """The members, and a function that opens one of them for reading."""
    with path.open("rb") as file:
        begin = file.read(8)
    if begin == b"!<arch>\n":
        with path.open("rb") as file, _tar(_inside_deb(file)) as opened:
            yield opened
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = (_of_zip(path, info) for info in archive.infolist())
            yield members, lambda member: archive.open(member.handle)
    else:
        with path.open("rb") as file, _tar(file) as opened:
            yield opened


def _of_zip(path: Path, info: zipfile.ZipInfo) -> _Member:
    if info.flag_bits & 1:
        raise ValueError(say("datasets.archive.secret", path=path, name=info.filename))
    mode = info.external_attr >> 16
    plain = not stat.S_IFMT(mode) or stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    kind = "other" if not plain else "folder" if info.is_dir() else "file"
    # orig_filename: zipfile cuts a name at a zero byte.
    name = info.orig_filename if "\0" in info.orig_filename else info.filename
    return _Member(name, info.file_size, kind, info)


@contextlib.contextmanager
def _tar(file: IO[bytes]) -> Iterator[tuple[Iterator[_Member], Any]]:
    begin = file.read(6)
    file.seek(0)
    plain: Any = file
    if begin.startswith(b"\x1f\x8b"):
        plain = gzip.GzipFile(fileobj=file)
    elif begin.startswith(b"BZh"):
        plain = bz2.BZ2File(file)
    elif begin == b"\xfd7zXZ\0":
        plain = lzma.LZMAFile(file)  # noqa: SIM115  it owns nothing: `file` is closed outside
    with tarfile.open(fileobj=_Sips(plain), mode="r:") as archive:  # type: ignore[call-overload]
        yield map(_of_tar, archive), lambda member: archive.extractfile(member.handle)


class _Sips:
    """Of a tar, small pieces alone: tarfile reads a long name in one piece, however long it is
    said to be, and an unpacked one may be as large as all memory."""

    def __init__(self, file: IO[bytes]):
        self.seek, self.tell = file.seek, file.tell
        self._read = file.read

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= 2 * CHUNK:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._read(size)


def _of_tar(info: tarfile.TarInfo) -> _Member:
    kind = "file" if info.isreg() else "folder" if info.isdir() else "other"
    name = info.name.removeprefix("./") if kind == "file" else info.name
    return _Member(name, info.size if kind == "file" else 0, kind, info)


def _inside_deb(file: IO[bytes]) -> IO[bytes]:
    """The data.tar.* of a Debian package: an `ar` archive, whose headers are 60 bytes of text."""
    file.seek(8)
    while len(header := file.read(60)) == 60:
        name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
        if size < 0:
            break  # or the same header would be read for ever
        if name.startswith("data.tar"):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, os.SEEK_CUR)
    raise tarfile.ReadError("no data.tar")
