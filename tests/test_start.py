"""start.py: which PyTorch it takes, what it says when it cannot go on, what it never trusts."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
RANGE = "torch>=2.6,<2.14"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """start.py as a module, at home in an empty folder, with the tests' Python for its own."""
    spec = importlib.util.spec_from_file_location("start_under_test", ROOT / "start.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "STATE": venv / "gobhir.json",
        "MARK": venv / "unfinished",
        "LOG": venv / "install.log",
    }.items():
        monkeypatch.setattr(module, name, str(value))
    monkeypatch.setattr(module, "PYTHON", sys.executable)
    return module


def wheel(folder: Path, version: str, needs: tuple[str, ...] = ()) -> None:
    """A torch wheel with nothing in it, for pip to find."""
    lines = ["Metadata-Version: 2.1", "Name: torch", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"torch-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"torch-{version}.dist-info/METADATA", "\n".join(lines) + "\n\n")
        archive.writestr(f"torch-{version}.dist-info/WHEEL", tag)
        archive.writestr(f"torch-{version}.dist-info/RECORD", "")


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip may look into."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheelhouse"))
    return tmp_path / "wheelhouse"


@pytest.mark.slow
def test_takes_the_cpu_build_that_lies_at_hand(start: ModuleType, wheelhouse: Path) -> None:
    wheel(wheelhouse, "2.7.0+cpu")
    version, address = start.find_torch(RANGE)
    assert version == "2.7.0+cpu"
    assert re.fullmatch(r"file://.*torch-2\.7\.0%2Bcpu-.*\.whl#sha256=[0-9a-f]{64}", address)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyTorch needs no CUDA packages")
def test_never_takes_a_build_that_brings_cuda(start: ModuleType, wheelhouse: Path) -> None:
    wheel(wheelhouse, "2.8.0", ("numpy", 'nvidia-cudnn-cu12 ; platform_system == "Linux"'))
    assert start.find_torch(RANGE) is None


@pytest.mark.slow
def test_finds_no_torch_outside_the_range(start: ModuleType, wheelhouse: Path) -> None:
    wheel(wheelhouse, "2.14.0+cpu")
    assert start.find_torch(RANGE) is None


def test_order_of_sources(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local files, then PyTorch's CPU index on Linux, then the ordinary index."""
    asked: list[list[str]] = []
    monkeypatch.setattr(start, "dry_run", lambda requirement, source: asked.append(source))
    monkeypatch.setattr(sys, "platform", "linux")
    assert start.find_torch(RANGE) is None
    assert asked == [["--no-index"], ["--index-url", start.TORCH_CPU_INDEX], []]
    asked.clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert start.find_torch(RANGE) is None
    assert asked == [["--no-index"], []]


@pytest.mark.parametrize(
    ("have", "wish", "installs"),
    [
        (None, None, True),
        (None, "no", False),
        (None, "yes", True),
        ("left out", None, False),  # said once, kept: later starts stay quick
        ("left out", "yes", True),
        ("not found", None, False),
        ("not found", "yes", True),
        ("2.13.0+cpu", None, False),
        ("2.13.0+cpu", "yes", False),
        ("2.13.0+cpu", "no", False),
    ],
)
def test_when_torch_is_installed(
    start: ModuleType, have: str | None, wish: str | None, installs: bool
) -> None:
    assert start.wants_torch({"torch": have} if have else {}, wish) is installs


@pytest.mark.parametrize(
    ("story", "says"),
    [
        ("WARNING: Retrying ... NewConnectionError('<urllib3...>: Failed')", "no network"),
        ("ConnectTimeoutError(<...>, 'Connection to host timed out.')", "no network"),
        ("NameResolutionError(\"Failed to resolve 'host'\")", "no network"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left",
            "is full",
        ),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission", "written"),
        ("error: metadata-generation-failed", "install.log"),
    ],
)
def test_one_sentence_for_what_stopped_pip(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, story: str, says: str
) -> None:
    monkeypatch.setenv("GOBHIR_LANG", "en")
    assert says in start.reason_of(story)


@pytest.mark.slow
def test_pip_that_cannot_reach_its_index_says_so_and_leaves_no_mark(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOBHIR_LANG", "bn")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    os.mkdir(start.VENV)
    closed = ["--retries=1", "--index-url=http://127.0.0.1:9/", "--no-cache-dir"]
    with pytest.raises(start.Stop, match="ইন্টারনেট নেই"):
        start.pip("install", *closed, "gobhir-no-such-package")
    assert not os.path.exists(start.MARK)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a venv's Python lies elsewhere there")
def test_a_venv_whose_install_was_cut_off_is_made_anew(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "PYTHON", os.path.join(start.VENV, "bin", "python"))
    os.makedirs(os.path.join(start.VENV, "lib", "half-a-package"))
    open(start.MARK, "w").close()
    start.make_venv()
    assert os.path.exists(start.PYTHON)
    assert not os.path.exists(start.MARK)
    assert not os.path.exists(os.path.join(start.VENV, "lib", "half-a-package"))
    kept = os.path.join(start.VENV, "kept")
    open(kept, "w").close()
    start.make_venv()  # a whole one is left alone
    assert os.path.exists(kept)
    Path(start.STATE).write_text(json.dumps({"python": "/an/older/python"}), encoding="utf-8")
    start.make_venv()  # a Python that was upgraded finds no packages in it
    assert not os.path.exists(kept)


@pytest.mark.skipif(os.name == "nt", reason="uses flock")
def test_two_installs_do_not_meet(start: ModuleType) -> None:
    with start.alone(), pytest.raises(start.Stop), start.alone():
        pass
    with start.alone():  # and the lock goes when its holder does
        pass


def test_a_read_only_folder_gets_a_sentence(start: ModuleType, tmp_path: Path) -> None:
    start.ROOT = str(tmp_path / "not there")
    with pytest.raises(start.Stop, match="not there"), start.alone():
        pass


def test_old_python_is_told_which_one_is_needed(tmp_path: Path) -> None:
    """The first lines, run as a Python 3.8 without newer ones beside it would run them."""
    source = (ROOT / "start.py").read_text(encoding="utf-8")
    first_lines = source[: source.index("import argparse")].replace("sys.version_info", "(3, 8)")
    answer = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", first_lines],
        env={"PATH": str(tmp_path), "GOBHIR_LANG": "bn"},
        capture_output=True,
        encoding="utf-8",
    )
    assert answer.returncode == 1
    assert "Python 3.11 বা নতুন লাগে" in answer.stderr


def test_every_sentence_is_there_and_used() -> None:
    """Both languages have exactly the sentences that start.py and bundle.py say."""
    code = (ROOT / "start.py").read_text(encoding="utf-8")
    used = set(re.findall(r'(?:say|text)\("((?:step|help|error)\.\w+)"', code))
    bundler = (ROOT / "frontend" / "bundle.py").read_text(encoding="utf-8")
    used |= {"error." + name for name in re.findall(r'BundleError\("(\w+)"', bundler)}
    for lang in ("bn", "en"):
        path = ROOT / "src" / "gobhir" / "lang" / lang / "start.toml"
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        assert {f"{part}.{name}" for part, names in tables.items() for name in names} == used


@pytest.mark.parametrize(("lang", "words"), [("bn", "স্টুডিও"), ("en", "the studio")])
def test_the_help_is_in_the_readers_language(lang: str, words: str) -> None:
    environment = dict(os.environ, GOBHIR_LANG=lang, PYTHONIOENCODING="utf-8")
    told = subprocess.run(
        [sys.executable, ROOT / "start.py", "--help"], env=environment, capture_output=True
    )
    assert told.returncode == 0 and words in told.stdout.decode("utf-8")
