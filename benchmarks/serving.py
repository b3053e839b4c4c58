"""How much batching brings `gobhir serve` under load, on the loopback of this machine.

    python -m benchmarks.serving [--rounds 9] [--seconds 3] [--clients 64]

Two services of the same model run side by side, one with batches of up to 32, one with batches of
1; in each round every one of them is asked by as many clients as told, each of which sends its next
request when it has the answer to its last. Only one service works at a time, in turns; ratios are
taken within a round. The clients run on the same machine, and take their share of it.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

BATCHES = {"batches of 32": 32, "one by one": 1}


def models(folder: Path) -> Iterator[tuple[str, Path, bytes, str]]:
    """Name, file, body and media type: a small network on a drawing, a wide one on numbers."""
    from PIL import Image, ImageDraw

    import gobhir
    from gobhir.deploy import About, Drawing, Numbers, export

    nn = gobhir.nn
    gobhir.manual_seed(0)
    small = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 10),
    )  # fmt: skip
    path = folder / "small.onnx"
    export(small, gobhir.randn(2, 1, 28, 28), path, about=About(input=Drawing()))
    picture = Image.new("L", (112, 112), 255)
    ImageDraw.Draw(picture).line([(30, 30), (80, 30), (50, 90)], fill=0, width=8)
    png = io.BytesIO()
    picture.save(png, "PNG")
    yield "small CNN, a drawing", path, png.getvalue(), "image/png"
    wide = nn.Sequential(
        nn.Linear(64, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 10)
    )
    path = folder / "wide.onnx"
    export(wide, gobhir.randn(2, 64), path, about=About(input=Numbers()))
    row = json.dumps({"numbers": [k / 64 for k in range(64)]}).encode()
    yield "wide MLP (17 million weights), 64 numbers", path, row, "application/json"


@contextmanager
def served(path: Path, max_batch: int) -> Iterator[tuple[int, int]]:
    """The port of a service in a process of its own, and the process's number."""
    words = [sys.executable, "-m", "gobhir", "serve", str(path), "--port", "0"]
    words += ["--max-batch", str(max_batch), "--timeout", "60"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found is not None
            yield int(found[1]), process.pid
        finally:
            process.terminate()


async def load(port: int, request: bytes, clients: int, seconds: float) -> list[float]:
    """The time of every answer, in seconds, of so many clients over so many seconds."""
    end = time.perf_counter() + seconds
    times: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (start := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert head.startswith(b"HTTP/1.1 200") and length, head
            await reader.readexactly(int(length[1]))
            times.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--clients", type=int, default=64)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, path, body, media in models(Path(folder)):
            head = (
                f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            with ExitStack() as stack:
                ports = {k: stack.enter_context(served(path, n)) for k, n in BATCHES.items()}
                results = measured(ports, head.encode() + body, told)
            print(table(name, results, told), end="\n\n", flush=True)


def processor(pid: int) -> float:
    """Processor seconds that a process has taken; NaN where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return math.nan
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(
    ports: dict[str, tuple[int, int]], request: bytes, told: argparse.Namespace
) -> dict[str, np.ndarray]:
    """Requests a second, median and 99th percentile in milliseconds, the service's processor time
    for a request in milliseconds, by service: (rounds, 4)."""
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in ports}
    for port, _ in ports.values():
        asyncio.run(load(port, request, told.clients, 0.5))
    for _ in range(told.rounds):
        for name in random.sample(list(ports), len(ports)):
            port, pid = ports[name]
            began, before = time.perf_counter(), processor(pid)
            times = asyncio.run(load(port, request, told.clients, told.seconds))
            rate = len(times) / (time.perf_counter() - began)
            cost = 1000 * (processor(pid) - before) / len(times)
            rows[name].append((rate, *(1000 * np.quantile(times, (0.5, 0.99))), cost))
    return {name: np.array(found) for name, found in rows.items()}


def table(title: str, results: dict[str, np.ndarray], told: argparse.Namespace) -> str:
    """Medians over the rounds, with quartiles."""
    lines = [f"{title}: {told.clients} clients, {told.rounds} rounds of {told.seconds:g} s", ""]
    lines.append("| service | requests/s | p50, ms | p99, ms | processor, ms/request |")
    lines.append("|---|---:|---:|---:|---:|")
    for name, rows in results.items():
        lines.append(f"| {name} | " + " | ".join(_spread(column) for column in rows.T) + " |")
    first, second = results.values()
    lines.append("| ratio | " + " | ".join(_spread(c) for c in (first / second).T) + " |")
    return "\n".join(lines)


def _spread(values: np.ndarray) -> str:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


if __name__ == "__main__":
    main()
