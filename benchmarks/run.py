"""Training steps side by side with whatever peers are installed.

    make bench                            all
    python -m benchmarks --only W2,W3 --rounds 30

Each peer runs in a process of its own. A round gives every peer one slice, in shuffled order;
ratios are formed within a round. A round during which other programs were busy is dropped.
Before anything is timed, all must reach the same losses from the same weights.
At the end: how long until a network reads handwritten digits (digits.py).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Any

from benchmarks import watch
from benchmarks.peers import PEERS, REFERENCE, Peer
from benchmarks.workloads import WORKLOADS, Workload

ROOT = Path(__file__).resolve().parent.parent
SLICE = 0.15
"""Seconds of one slice, about."""
FOREIGN = 0.15
"""Processor cores that other programs may use during a slice before its round is dropped."""
TICKS = 3 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.03
"""Seconds by which the system's count of what all programs used may be off in a slice."""
PAUSE = 0.15
"""Seconds before each slice: BLAS's threads of the peer before go on looking for work as long."""
PATIENCE = 600
"""Seconds that a peer may be silent, above all when it compiles."""
OWN_KERNELS = "chosen by OpenBLAS"


class Slices:
    """The process of one peer."""

    def __init__(self, peer: Peer, workload: Workload):
        surroundings = dict(os.environ)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            surroundings[name] = str(peer.threads)
        if peer.coretype:
            surroundings["OPENBLAS_CORETYPE"] = peer.coretype
        self.trouble = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in end
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.slice", peer.name, workload.name],
            cwd=ROOT,
            env=surroundings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.trouble,
            text=True,
            start_new_session=True,  # so that what the peer starts can be ended with it
        )
        try:
            self.losses: list[float] = self._heard()["losses"]
            self.count = 3
            while (took := self.run()["seconds"]) < SLICE / 3:
                self.count *= 2
        except BaseException:
            self.end()
            raise
        self.count = max(1, int(self.count * SLICE / took))

    def _heard(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        waiting = Timer(PATIENCE, self._kill)
        waiting.start()
        try:
            while line := self.process.stdout.readline():
                if line.startswith("{"):
                    answer: dict[str, Any] = json.loads(line)
                    return answer
        finally:
            silent = not waiting.is_alive()
            waiting.cancel()
        if silent:
            raise RuntimeError(f"no answer for {PATIENCE} s")
        code = self.process.wait()
        self.trouble.seek(0)
        raise RuntimeError(_reason(self.trouble.read()) or f"ended with exit status {code}")

    def run(self) -> dict[str, Any]:
        """Run one slice. `foreign`: cores that other programs used meanwhile, or None."""
        assert self.process.stdin is not None
        time.sleep(PAUSE)
        before, start = _busy(), time.perf_counter()
        with suppress(BrokenPipeError):  # when it has ended, _heard says why
            self.process.stdin.write(f"{self.count}\n")
            self.process.stdin.flush()
        answer = self._heard()
        elapsed, after = time.perf_counter() - start, _busy()
        answer["foreign"] = None
        if before is not None and after is not None:
            answer["foreign"] = (after - before - answer["cpu"] - TICKS) / elapsed
        return answer

    def end(self) -> None:
        self._kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.trouble):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()

    def _kill(self) -> None:
        if not hasattr(os, "killpg"):
            self.process.kill()
        elif self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


def _reason(trouble: str) -> str:
    """The line of a traceback that names the exception; else the last that says anything."""
    lines = [line for line in trouble.splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Exit|Interrupt)\b", line)]
    return (named or lines or [""])[-1].strip()


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
    kept = dropped = 0

    def failed(name: str, why: str) -> None:
        told[name] = {"failed": why}
        if name in running:
            running.pop(name).end()

    try:
        for name in names:
            peer = PEERS[name]
            if workload.name not in peer.workloads.split():
                continue
            if find_spec(peer.package) is None:
                if name == REFERENCE:
                    failed(name, f"{peer.package} is not installed")
                    break
                continue
            try:
                running[name] = Slices(peer, workload)
            except RuntimeError as trouble:
                failed(name, str(trouble))
                if name == REFERENCE:
                    break
                continue
            losses, expected = running[name].losses, running[REFERENCE].losses
            if not _close(losses, expected):
                failed(name, f"other losses: {losses[-1]:.6g} after six steps")
        taken: dict[str, list[float]] = {name: [] for name in running}
        peak: dict[str, float] = {}
        while REFERENCE in running and kept < rounds and dropped < 3 * rounds:
            answers = {}
            for name in random.sample(list(running), len(running)):
                try:
                    answers[name] = running[name].run()
                except RuntimeError as trouble:
                    failed(name, f"ended in round {kept + dropped + 1}: {trouble}")
                    continue
                peak[name] = answers[name]["peak_mb"]
            if REFERENCE not in running:
                break
            if any((a["foreign"] or 0) > foreign for a in answers.values()):
                dropped += 1
                continue
            kept += 1
            for name, answer in answers.items():
                taken[name].append(answer["seconds"] / running[name].count)
        for name in running if REFERENCE in running else ():
            peer, times = PEERS[name], taken[name]
            told[name] = {"peak_mb": round(peak[name]), "threads": peer.threads}
            told[name]["OPENBLAS_CORETYPE"] = peer.coretype or _kernels()
            if len(times) > 1:
                ratios = [t / r for t, r in zip(times, taken[REFERENCE], strict=True)]
                low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
                told[name] |= {"ratio": middle, "quartiles": [low, high]}
                told[name]["us"] = 1e6 * statistics.median(times)
    finally:
        for slices in running.values():
            slices.end()
    told = {name: told[name] for name in names if name in told}
    return {"what": workload.what, "rounds": kept, "dropped": dropped, "peers": told}


def _kernels() -> str:
    return os.environ.get("OPENBLAS_CORETYPE", OWN_KERNELS)


def versions(names: list[str]) -> dict[str, str]:
    """The installed version of each peer's package, of NumPy and of Python."""
    found = {"Python": platform.python_version()}
    for package in dict.fromkeys(["numpy", *(PEERS[name].package for name in names)]):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


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
    found = {key: w["peers"] for key, w in results["workloads"].items()}
    ways = results.get("digits", {}).get("ways", {})
    if ways:
        found["digits to 97 %"] = ways
    if not found:
        return "nothing was measured"
    lines = [f"| time / {REFERENCE} | " + " | ".join(found) + " |"]
    lines.append("|---|" + "---|" * len(found))
    for name in [*PEERS, *(n for n in ways if n not in PEERS)]:
        told = [column.get(name, {}) for column in found.values()]
        cells = [_shown(t["ratio"], *t["quartiles"]) if "ratio" in t else "-" for t in told]
        if set(cells) - {"-"}:
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _shown(ratio: float, low: float, high: float) -> str:
    digits = 4 if ratio < 0.1 else 2
    return f"{ratio:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def digits(rounds: int) -> dict[str, Any]:
    """What digits.py measures."""
    if find_spec("sklearn") is None:
        return {"failed": "scikit-learn, which the images come with, is not installed"}
    return apart("digits", rounds)


def apart(module: str, rounds: int) -> dict[str, Any]:
    """What a module here measures, in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--json", "--rounds", str(rounds)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        return {"failed": _reason(answer.stderr)}
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def _arguments() -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="\n".join(
            ["peers:"]
            + [f"  {name}" for name in PEERS]
            + ["workloads:"]
            + [f"  {key}: {w.what}" for key, w in WORKLOADS.items()]
            + ["  digits: reading handwritten digits, from the first weight to 97 % right"]
            + ["  explain: looking into a step of a CNN of a million parameters"]
            + ["  watch: a step of PyTorch's with gobhir.watch or gobhir.story looking on"]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    every = [*WORKLOADS, "digits", "explain", "watch"]
    parser.add_argument("--rounds", type=int, default=20, help="undisturbed rounds (20)")
    parser.add_argument("--only", default=",".join(every), help="of " + ",".join(every))
    parser.add_argument(
        "--peers", help="names with ; between; otherwise all that are installed. Always: PyTorch"
    )
    parser.add_argument("--to", type=Path, help="folder for results: JSON, table, picture")
    parser.add_argument(
        "--foreign",
        type=float,
        default=FOREIGN,
        help="processor cores that other programs may use during a slice before its round is "
        f"dropped ({FOREIGN}; a large number keeps all rounds, and then ratios mean little)",
    )
    asked = parser.parse_args()
    asked.only = asked.only.split(",")
    asked.peers = asked.peers.split(";") if asked.peers else list(PEERS)
    for found, known in ((asked.only, every), (asked.peers, PEERS)):
        if unknown := [name for name in found if name not in known]:
            parser.error(f"unknown: {', '.join(unknown)}. There are: {'; '.join(known)}")
    return asked


def main() -> None:
    import gobhir

    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = [n for n in PEERS if n == REFERENCE or n in asked.peers]
    results: dict[str, Any] = {
        "gobhir": gobhir.__version__,
        "versions": versions(names),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "OPENBLAS_CORETYPE": _kernels(),
        "import_ms": start_up(),
        "workloads": {},
    }
    print(f"gobhir {gobhir.__version__} on {results['machine']}; import gobhir", end=" ")
    print(f"{results['import_ms']:.0f} ms; NumPy's kernels {results['OPENBLAS_CORETYPE']}")
    print(", ".join(f"{package} {number}" for package, number in results["versions"].items()))
    try:
        for key in asked.only:
            if key == "digits":
                results["digits"] = digits(max(3, asked.rounds // 4))
                _print_digits(results["digits"])
                continue
            if key == "explain":
                results["explain"] = apart("explain", max(3, asked.rounds // 2))
                _print_explain(results["explain"])
                continue
            if key == "watch":
                results["watch"] = apart("watch", max(3, asked.rounds // 2))
                print("\nwatch:", watch.told(results["watch"]))
                continue
            found = measure(WORKLOADS[key], names, max(2, asked.rounds), asked.foreign)
            results["workloads"][key] = found
            _print_workload(key, found)
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured until then:")
    print("\n" + table(results))
    if asked.to is not None:
        from benchmarks.picture import draw

        asked.to.mkdir(parents=True, exist_ok=True)
        (asked.to / "benchmarks.json").write_text(json.dumps(results, indent=1) + "\n")
        (asked.to / "benchmarks.md").write_text(table(results) + "\n")
        draw(results, asked.to / "benchmarks.png")


def _print_workload(key: str, found: dict[str, Any]) -> None:
    print(f"\n{key}: {found['what']} ({found['rounds']} rounds, {found['dropped']} dropped)")
    for name, told in found["peers"].items():
        if "ratio" in told:
            ratio = _shown(told["ratio"], *told["quartiles"])
            print(f"  {name:36} {ratio:28} {told['us']:10.1f} us {told['peak_mb']:6} MB")
        else:
            print(f"  {name:36} {told.get('failed', 'every round was disturbed')}", flush=True)


def _print_digits(found: dict[str, Any]) -> None:
    print("\ndigits: seconds until 97 % of 360 handwritten digits are read")
    if "failed" in found:
        print(f"  {found['failed']}")
        return
    for name, told in found["ways"].items():
        ratio = _shown(told["ratio"], *told["quartiles"])
        print(f"  {name:36} {ratio:28} {told['seconds']:10.2f} s  {told['epochs']:.0f} epochs")
    print(f"  an epoch of fit / of the bare compiled step: {_shown(*found['fit / bare'])}")


def _print_explain(found: dict[str, Any]) -> None:
    print("\nexplain: looking into a step of a CNN of a million parameters")
    if "failed" in found:
        print(f"  {found['failed']}")
        return
    for name in ("plain", "recorded", "outline", "why"):
        low, high = (1000 * s for s in found[name]["quartiles"])
        print(f"  {name:36} {1000 * found[name]['seconds']:.1f} ms ({low:.1f} to {high:.1f})")
    print(f"  recorded / plain: {found['recorded / plain']:.2f}", end="; ")
    print(f"memory / (activations and gradients): {found['memory']:.2f}")
    print("  a ResNet-18 of PyTorch's, once:", end=" ")
    print(", ".join(f"{name} {seconds:.2f} s" for name, seconds in found["large"].items()))


if __name__ == "__main__":
    main()
