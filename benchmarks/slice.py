"""One peer in a process of its own: told how many steps to run, it says how long they took.

    python -m benchmarks.slice "gobhir compiled" W2

The first line of output is the losses of the first steps; then, for each number read from
standard input, a line with the seconds of so many steps, and the processor seconds of these
and of warming up.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from pathlib import Path

from benchmarks.peers import PEERS
from benchmarks.workloads import WORKLOADS

WARM = 0.2
"""Part of the steps that run before the clock does: a process that idled is slow at first."""


def main(peer: str, workload: str) -> None:
    step = PEERS[peer].make(WORKLOADS[workload])
    _tell(losses=[step() for _ in range(6)])
    for line in sys.stdin:
        count, cpu = int(line), _cpu()
        for _ in range(max(1, int(WARM * count))):
            step()
        start = time.perf_counter()
        for _ in range(count):
            step()
        took = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        _tell(seconds=took, cpu=_cpu() - cpu, peak_mb=peak + sum(map(_own_mb, _helpers())))


def _cpu() -> float:
    """Processor seconds of this process and of those that help it."""
    return time.process_time() + sum(
        int((of / "schedstat").read_text().split()[0]) / 1e9 for of in _helpers()
    )


def _own_mb(of: Path) -> float:
    """Memory that the process has to itself."""
    lines = (of / "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def _helpers() -> list[Path]:
    places = [Path(f"/proc/{helper.pid}") for helper in multiprocessing.active_children()]
    return [of for of in places if of.exists()]


def _tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
