"""Archives: all of it or nothing, and never a byte outside."""

from __future__ import annotations

import gzip
import io
import shutil
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gobhir.datasets.archives import Limits, take, unpack

FILES = {"a.txt": b"one", "b/c.txt": b"two" * 1000, "empty": b""}


def make_zip(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tar_bytes(files: dict[str, bytes], packed: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{packed}") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def make_tar(path: Path, files: dict[str, bytes] = FILES) -> Path:
    path.write_bytes(tar_bytes(files, path.suffix.removeprefix(".").replace("tar", "")))
    return path


def make_deb(path: Path, files: dict[str, bytes] = FILES) -> Path:
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": tar_bytes({"control": b"odd"}, "xz"),
        "data.tar.xz": tar_bytes({f"./{name}": data for name, data in files.items()}, "xz"),
    }
    deb = b"!<arch>\n"
    for name, data in parts.items():
        deb += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        deb += data + b"\n" * (len(data) % 2)
    path.write_bytes(deb)
    return path


KINDS: dict[str, Callable[..., Path]] = {
    "x.zip": make_zip,
    "x.whl": make_zip,
    "x.tar": make_tar,
    "x.tar.gz": make_tar,
    "x.tar.bz2": make_tar,
    "x.tar.xz": make_tar,
    "x.deb": make_deb,
}


def found(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", KINDS)
def test_all_of_it(name: str, tmp_path: Path) -> None:
    unpack(KINDS[name](tmp_path / name), tmp_path / "out")
    assert found(tmp_path / "out") == FILES


@pytest.mark.parametrize("name", KINDS)
def test_one_file_of_it(name: str, tmp_path: Path) -> None:
    take(KINDS[name](tmp_path / name), {"deep/mine": "b/c.txt"}, tmp_path / "out")
    assert found(tmp_path / "out") == {"deep/mine": FILES["b/c.txt"]}
    with pytest.raises(ValueError, match="nowhere"):
        take(tmp_path / name, {"mine": "a.txt", "yours": "nowhere"}, tmp_path / "other")
    assert found(tmp_path / "other") == {}


def test_an_archive_in_an_archive(tmp_path: Path) -> None:
    inner = tar_bytes(FILES, "gz")
    outer = make_zip(tmp_path / "x.zip", {"in/inner.tar.gz": inner, "plain": b"3"})
    wanted = {"one": "in/inner.tar.gz!/a.txt", "two": "plain"}
    take(outer, wanted, tmp_path / "out")
    assert found(tmp_path / "out") == {"one": b"one", "two": b"3"}


def refused(path: Path, folder: Path, limits: Limits | None = None) -> str:
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(ValueError) as caught:
        unpack(path, folder, *([limits] if limits else []))
    assert sorted(folder.parent.rglob("*")) == before
    return caught.value.args[0].key


OUTSIDE = ["../x", "a/../../x", "/etc/x", "C:\\x", "c:x", "..\\x", "\\x", "a/..", "//host/x"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_paths_that_lead_out(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    path = make(tmp_path / "x.tar", {"good": b"1", name: b"2"})
    assert refused(path, tmp_path / "out") == "datasets.archive.escape"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_in_a_tar(kind: bytes, tmp_path: Path) -> None:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "../../etc/passwd"
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(info)
    assert refused(tmp_path / "x.tar", tmp_path / "out") == "datasets.archive.link"


def test_links_in_a_zip(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert refused(tmp_path / "x.zip", tmp_path / "out") == "datasets.archive.link"


def test_the_same_name_twice(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"Name": b"1", "name": b"2"})
    assert refused(path, tmp_path / "out") == "datasets.archive.twice"


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "A")])
def test_a_file_and_a_folder_of_one_name(names: tuple[str, str], tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", dict.fromkeys(names, b"1"))
    assert refused(path, tmp_path / "out") == "datasets.archive.twice"


def test_a_locked_zip(tmp_path: Path) -> None:
    data = bytearray(make_zip(tmp_path / "x.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag "encrypted" in the directory
    (tmp_path / "x.zip").write_bytes(data)
    assert refused(tmp_path / "x.zip", tmp_path / "out") == "datasets.archive.secret"


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar.xz"])
def test_bombs(name: str, tmp_path: Path) -> None:
    path = KINDS[name](tmp_path / name, {"zeros": bytes(3_000_000), "more": b"x"})
    small = {"free": 1 << 20}
    assert refused(path, tmp_path / "out", Limits(**small)) == "datasets.archive.ratio"
    key = refused(path, tmp_path / "out", Limits(total=1_000_000))
    assert key == "datasets.archive.total"
    assert refused(path, tmp_path / "out", Limits(count=1)) == "datasets.archive.count"


def test_a_name_as_large_as_all_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("name")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 64 << 20
    with gzip.open(tmp_path / "x.tar.gz", "wb", compresslevel=1) as file:
        file.write(info.tobuf() + bytes(info.size))
    tracemalloc.start()
    assert refused(tmp_path / "x.tar.gz", tmp_path / "out") == "datasets.archive.broken"
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 16 << 20


def test_a_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    data = bytearray(make_zip(tmp_path / "x.zip", {"zeros": bytes(100_000)}).read_bytes())
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (10).to_bytes(4, "little")
    (tmp_path / "x.zip").write_bytes(data)
    assert refused(tmp_path / "x.zip", tmp_path / "out") in (
        "datasets.archive.liar",
        "datasets.archive.broken",
    )


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    path = make_zip(tmp_path / "x.zip")
    with pytest.raises(OSError, match=str(tmp_path / "out")):
        unpack(path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert refused(make_zip(tmp_path / "x.zip"), tmp_path / "out") == "datasets.archive.exists"


@pytest.mark.parametrize("name", KINDS)
def test_a_quarter_of_it(name: str, tmp_path: Path) -> None:
    whole = KINDS[name](tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 4])
    assert refused(tmp_path / name, tmp_path / "out") == "datasets.archive.broken"


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"<html>not found</html>")
    assert refused(tmp_path / "x.zip", tmp_path / "out") == "datasets.archive.broken"
    with pytest.raises(FileNotFoundError, match="nothing"):
        unpack(tmp_path / "nothing.zip", tmp_path / "out")


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """Then nothing is wrong with the archive, and nobody is told to get it once more."""
    (tmp_path / "file").write_text("a file")
    path = make_zip(tmp_path / "x.zip", {"n" * 300: b"1"})
    for folder in (tmp_path / "file" / "out", tmp_path / "out"):
        with pytest.raises(OSError) as caught:
            unpack(path, folder)
        assert caught.value.args[0].key == "datasets.no_writing"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "x.zip"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar", "x.deb"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mangled(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is done to an archive: it is refused in a sentence, or stays inside."""
    folder = tmp_path_factory.mktemp("mangled")
    whole = bytearray(KINDS[name](folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(whole)
    try:
        unpack(folder / name, folder / "out")
    except ValueError as error:
        assert error.args[0].key.startswith("datasets.archive.")
        assert sorted(path.name for path in folder.iterdir()) == [name]
    else:
        assert {path.name for path in folder.iterdir()} == {name, "out"}
