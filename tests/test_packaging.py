"""What is installed is what was meant: built files inside, no framework at import, one version."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import gobhir

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """Names in the sdist, and in the wheel that is built from this sdist, with no Node at hand."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, "--sdist", str(ROOT)], check=True, capture_output=True)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        source_names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    nowhere = dict(os.environ, PATH=str(folder))
    subprocess.run([*build, "--wheel", str(source)], check=True, capture_output=True, env=nowhere)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return source_names, set(archive.namelist())


NEEDED_AT_RUN_TIME = [
    "static/build.json",
    "static/studio/studio.js",
    "static/studio/studio.css",
    "static/katex/katex.min.js",
    "static/katex/katex.min.css",
    "static/katex/fonts/KaTeX_Main-Regular.woff2",
    "static/fonts/fonts.css",
    "static/fonts/noto-sans-bengali-bengali-400-normal.woff2",
    "static/reveal/reveal.js",
    "static/reveal/reveal.css",
    "static/widgets/descent.js",
    "static/widgets/glass.js",
    "widgets/marks.css",
    "derivation/page.css",
    "derivation/page.tex",
    "derivation/derivation.schema.json",
    "lang/bn/errors.toml",
    "lang/en/errors.toml",
    "py.typed",
]


@pytest.mark.slow
def test_sdist_and_wheel_carry_what_runs(built: tuple[set[str], set[str]]) -> None:
    source_names, wheel_names = built
    for name in NEEDED_AT_RUN_TIME:
        assert f"src/gobhir/{name}" in source_names
        assert f"gobhir/{name}" in wheel_names
    assert "frontend/package-lock.json" in source_names


@pytest.mark.slow
def test_wheel_carries_the_whole_course(built: tuple[set[str], set[str]]) -> None:
    source_names, wheel_names = built
    course = {
        name for name in source_names if name.startswith("course/") and "." in Path(name).name
    }
    assert "course/plan.toml" in course
    assert {f"gobhir/_content/{name.removeprefix('course/')}" for name in course} <= wheel_names


@pytest.mark.slow
def test_nothing_is_shipped_that_was_only_lying_around(built: tuple[set[str], set[str]]) -> None:
    for names in built:
        strays = [n for n in names if re.search(r"node_modules|__pycache__|\.venv|\.sqlite", n)]
        assert strays == []


def test_import_brings_no_framework_and_no_page() -> None:
    heavy = ["torch", "keras", "tensorflow", "matplotlib", "pandas", "jupyter_server", "anywidget"]
    rooms = ["gobhir.studio", "gobhir.course", "gobhir.widgets"]
    code = f"import gobhir, sys; print([m for m in {heavy + rooms} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert gobhir.__version__ == version("gobhir")


def test_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages and all("resolved" not in package for package in packages)
    assert all("integrity" in package for package in packages)


@pytest.mark.slow
def test_every_import_of_ours_is_declared() -> None:
    """A package that src imports is a dependency, or an extra, or comes with one of these."""
    import_names = {
        "pyyaml": "yaml",
        "markdown_it_py": "markdown_it",
        "opencv_python_headless": "cv2",
        "pillow": "PIL",
        "scikit_learn": "sklearn",
    }
    groups = PROJECT["project"]["optional-dependencies"].values()
    requirements = [*PROJECT["project"]["dependencies"], *(r for group in groups for r in group)]
    names = {re.match(r"[\w-]+", r).group().replace("-", "_") for r in requirements}
    declared = {import_names.get(name, name) for name in names}
    # Words of the own interfaces of jupyter_server, ipykernel, jinja2, matplotlib, onnx, uvicorn.
    comes_along = {"jupyter_client", "jupyter_core", "nbformat", "tornado", "traitlets"}
    comes_along |= {
        "IPython",
        "markupsafe",
        "google",
        "prometheus_client",
        "zmq",
        "fontTools",
        "h11",
    }
    allowed = declared | comes_along | sys.stdlib_module_names | {"gobhir"}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            unknown = {module.partition(".")[0] for module in modules} - allowed
            assert not unknown, f"{path.relative_to(ROOT)} imports {unknown}, undeclared"


def test_bundling_needs_nothing_installed() -> None:
    """It runs on a fresh machine, before there is any package, ours among them."""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'frontend')!r}); import bundle"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_start_parses_on_old_pythons() -> None:
    """It has to live long enough to say which Python is needed."""
    ast.parse((ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 7))
