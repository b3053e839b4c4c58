"""Training steps side by side with whatever peers are installed.

    make bench                            all
    python -m benchmarks --only W2,W3 --rounds 30

Each peer runs in a process of its own. A round gives every peer one slice, in shuffled order;
ratios are formed within a round. A round during which other programs were busy is dropped.
Before anything is timed, all must reach the same losses from the same weights.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS, REFERENCE, Peer
from benchmarks.workloads import WORKLOADS, Workload

ROOT = Path(__file__).resolve().parent.parent
SLICE = 0.15
"""Seconds of one slice, about."""
FOREIGN = 0.15
"""Processor cores that other programs may use during a slice before its round is dropped."""


class Slices:
    """The process of one peer."""

    def __init__(self, peer: Peer, workload: Workload):
        surroundings = dict(os.environ)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            surroundings[name] = str(peer.threads)
        if peer.coretype:
            surroundings["OPENBLAS_CORETYPE"] = peer.coretype
        command = [sys.executable, "-m", "benchmarks.slice", peer.name, workload.name]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=surroundings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.losses: list[float] = self._heard()["losses"]
        self.count = 3
        while (took := self.run()["seconds"]) < SLICE / 3:
            self.count *= 2
        self.count = max(1, int(self.count * SLICE / took))

    def _heard(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        _, trouble = self.process.communicate()
        raise RuntimeError((trouble.strip() or "no output").splitlines()[-1])

    def run(self) -> dict[str, Any]:
        """Run one slice. `foreign`: cores that other programs used meanwhile, or None."""
        assert self.process.stdin is not None
        before, start = _busy(), time.perf_counter()
        self.process.stdin.write(f"{self.count}\n")
        self.process.stdin.flush()
        answer = self._heard()
        elapsed, after = time.perf_counter() - start, _busy()
        answer["foreign"] = None
        if before is not None and after is not None:
            own = answer["cpu"] * elapsed / answer["seconds"]
            answer["foreign"] = (after - before - own) / elapsed
        return answer

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def _busy() -> float | None:
    """Processor seconds that everything on this machine has used, where that is known."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, soft, steal, *_ = (int(f) for f in fields)
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def measure(workload: Workload, names: list[str], rounds: int, foreign: float) -> dict[str, Any]:
    """Ratios to the reference, by peer; what could not be run says why."""
    running: dict[str, Slices] = {}
    told: dict[str, Any] = {}
    try:
        for name in names:
            peer = PEERS[name]
            if workload.name not in peer.workloads.split() or find_spec(peer.package) is None:
                continue
            try:
                running[name] = Slices(peer, workload)
            except RuntimeError as trouble:
                told[name] = {"failed": str(trouble)}
        expected = running[REFERENCE].losses
        for name in [n for n in running if n != REFERENCE]:
            if not _close(running[name].losses, expected):
                told[name] = {"failed": f"other losses: {running[name].losses[-1]:.6g}"}
                running.pop(name).end()
        taken: dict[str, list[float]] = {name: [] for name in running}
        peak: dict[str, float] = {}
        kept = dropped = 0
        while kept < rounds and dropped < 3 * rounds:
            answers = {}
            for name in random.sample(list(running), len(running)):
                answers[name] = running[name].run()
                peak[name] = answers[name]["peak_mb"]
            if any((a["foreign"] or 0) > foreign for a in answers.values()):
                dropped += 1
                continue
            kept += 1
            for name, answer in answers.items():
                taken[name].append(answer["seconds"] / running[name].count)
    finally:
        for slices in running.values():
            slices.end()
    for name, times in taken.items():
        told[name] = {"peak_mb": round(peak[name])}
        if len(times) > 1:
            ratios = [t / r for t, r in zip(times, taken[REFERENCE], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            told[name] |= {"ratio": middle, "quartiles": [low, high]}
            told[name]["us"] = 1e6 * statistics.median(times)
    return {"what": workload.what, "rounds": kept, "dropped": dropped, "peers": told}


def _close(losses: list[float], expected: list[float]) -> bool:
    pairs = zip(losses, expected, strict=True)
    return all(abs(a - b) <= 2e-3 * max(1e-3, abs(b)) for a, b in pairs)


def start_up() -> float:
    """Milliseconds that `import gobhir` takes, the quickest of ten; Python's own start apart."""

    surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def quickest(program: str) -> float:
        times = []
        for _ in range(10):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=surroundings)
            times.append(time.perf_counter() - start)
        return min(times)

    return 1000 * (quickest("import gobhir") - quickest("pass"))


def table(results: dict[str, Any]) -> str:
    """The ratios as Markdown: a row a peer, a column a workload."""
    columns = list(results["workloads"])
    lines = ["| time / PyTorch eager, 2 threads | " + " | ".join(columns) + " |"]
    lines.append("|---|" + "---|" * len(columns))
    for name in PEERS:
        cells = []
        for column in columns:
            found = results["workloads"][column]["peers"].get(name, {})
            ratio = found.get("ratio")
            cells.append("-" if ratio is None else _shown(ratio, *found["quartiles"]))
        if set(cells) != {"-"}:
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _shown(ratio: float, low: float, high: float) -> str:
    digits = 4 if ratio < 0.1 else 2
    return f"{ratio:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    import gobhir

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default=",".join(WORKLOADS), help="W1,W2,...")
    parser.add_argument("--peers", help="names with ; between; otherwise all that are installed")
    parser.add_argument("--to", type=Path, help="folder for results: JSON, table, picture")
    parser.add_argument("--foreign", type=float, default=FOREIGN, help="cores others may use")
    asked = parser.parse_args()
    wished = asked.peers.split(";") if asked.peers else list(PEERS)
    names = [n for n in PEERS if n == REFERENCE or n in wished]
    results: dict[str, Any] = {
        "gobhir": gobhir.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE", "chosen by OpenBLAS"),
        "import_ms": start_up(),
        "workloads": {},
    }
    print(f"gobhir {gobhir.__version__} on {results['machine']}; import gobhir", end=" ")
    print(f"{results['import_ms']:.0f} ms; NumPy's kernels {results['OPENBLAS_CORETYPE']}")
    for key in asked.only.split(","):
        found = measure(WORKLOADS[key], names, max(2, asked.rounds), asked.foreign)
        results["workloads"][key] = found
        print(f"\n{key}: {found['what']} ({found['rounds']} rounds, {found['dropped']} dropped)")
        for name, told in found["peers"].items():
            if "ratio" in told:
                ratio = _shown(told["ratio"], *told["quartiles"])
                print(f"  {name:36} {ratio:28} {told['us']:10.1f} us {told['peak_mb']:6} MB")
            else:
                print(f"  {name:36} {told.get('failed', 'every round was disturbed')}")
    print("\n" + table(results))
    if asked.to is not None:
        from benchmarks.picture import draw

        asked.to.mkdir(parents=True, exist_ok=True)
        (asked.to / "benchmarks.json").write_text(json.dumps(results, indent=1) + "\n")
        (asked.to / "benchmarks.md").write_text(table(results) + "\n")
        draw(results, asked.to / "benchmarks.png")


if __name__ == "__main__":
    main()
