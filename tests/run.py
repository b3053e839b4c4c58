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
            "-m", "not slow and not browser", "--taste=1",
            "--ignore-glob=*torchs_samples.py", *arguments,  # slow to import
        ]  # fmt: skip
    elif chromium.find() is None:
        chromium.install()
    # Two workers on two cores: threads of one would only wait for those of the other.
    os.environ |= dict.fromkeys(ONE_THREAD, "1")
    # Compiled once, and not by each of the hundreds of processes that tests start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # All of them, one look shows all that is wrong; mypy, which has one core, beside pytest.
    mypy = subprocess.Popen([sys.executable, "-m", "mypy"], stdout=subprocess.PIPE)
    checks = {
        "ruff format": ["ruff", "format", "--check", "."],
        "ruff check": ["ruff", "check", "."],
        "pytest": ["pytest", "-n", "2", "--dist", "worksteal", *arguments],
    }
    failed = []
    for name, command in checks.items():
        print(f"\n== {name}", flush=True)
        whole = [sys.executable, "-m", *command]
        if subprocess.run(whole, check=False).returncode != 0:
            failed.append(name)
    print("\n== mypy", mypy.communicate()[0].decode(errors="replace"), sep="\n", end="")
    if mypy.returncode != 0:
        failed.append("mypy")
    return f"\nFailed: {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
