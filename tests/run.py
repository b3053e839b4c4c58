"""Everything that has to hold: the code's form, its types, its tests. `make test` runs it.

.venv/bin/python tests/run.py [--quick] [arguments of pytest]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import chromium


def main(arguments: list[str]) -> int | str:
    os.chdir(Path(__file__).resolve().parent.parent)
    if "--quick" in arguments:
        arguments.remove("--quick")
        arguments = [
            "-m", "not slow and not browser", "--taste=1", "-p", "no:nbmake",
            "--ignore-glob=*torchs_samples.py", *arguments,  # these two are slow to import
        ]  # fmt: skip
    elif chromium.find() is None:
        chromium.install()
    checks = {
        "ruff format": ["ruff", "format", "--check", "."],
        "ruff check": ["ruff", "check", "."],
        "mypy": ["mypy"],
        "pytest": ["pytest", "-n", "2", "--dist", "worksteal", *arguments],
    }
    failed = []
    for name, command in checks.items():  # all of them: one look shows all that is wrong
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", *command], check=False).returncode != 0:
            failed.append(name)
    return f"\nFailed: {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
