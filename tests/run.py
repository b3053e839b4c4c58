"""Everything that has to hold: the code's form, its types, its tests. `make test` runs it.

.venv/bin/python tests/run.py [--quick] [arguments of pytest]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import chromium

ONE_THREAD = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
]


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
    # Two workers on two cores: threads of one would only wait for those of the other.
    one = dict.fromkeys(ONE_THREAD, "1")
    failed = []
    for name, command in checks.items():  # all of them: one look shows all that is wrong
        print(f"\n== {name}", flush=True)
        environment = os.environ | (one if name == "pytest" else {})
        whole = [sys.executable, "-m", *command]
        if subprocess.run(whole, check=False, env=environment).returncode != 0:
            failed.append(name)
    return f"\nFailed: {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
