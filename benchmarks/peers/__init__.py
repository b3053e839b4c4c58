"""One file a peer: `make(workload)` gives a step, a function that trains once and returns its loss.
Each imports its framework when it is asked for a step; run.py starts each in its own process.
Start reading in torchlike.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

from benchmarks.workloads import Workload

Step = Callable[[], float]


@dataclass(frozen=True)
class Peer:
    """What is measured: a file here, its options, and the surroundings of its process."""

    name: str
    module: str
    options: dict[str, object] = field(default_factory=dict)
    threads: int = 2
    package: str = "gobhir"
    coretype: str = ""
    workloads: str = "W1 W2 W3 W4 W5"

    def make(self, workload: Workload) -> Step:
        room = import_module(f"benchmarks.peers.{self.module}")
        step: Step = room.make(workload, threads=self.threads, **self.options)
        return step


REFERENCE = "PyTorch eager, 2 threads"
_ALL = (
    Peer(REFERENCE, "torchlike", {"framework": "torch"}, 2, "torch"),
    Peer("PyTorch eager, 1 thread", "torchlike", {"framework": "torch"}, 1, "torch"),
    Peer(
        "PyTorch, fused optimizer", "torchlike", {"framework": "torch", "fused": True}, 2, "torch"
    ),
    Peer("torch.compile", "torchlike", {"framework": "torch", "compiled": True}, 2, "torch"),
    Peer("gobhir", "torchlike", {"framework": "gobhir"}),
    Peer("gobhir, 1 thread", "torchlike", {"framework": "gobhir"}, 1),
    Peer("gobhir compiled", "torchlike", {"framework": "gobhir", "compiled": True}),
    Peer("gobhir compiled, 1 thread", "torchlike", {"framework": "gobhir", "compiled": True}, 1),
    Peer(
        "gobhir compiled, batch on 2 threads",
        "torchlike",
        {"framework": "gobhir", "compiled": True, "split": True},
        1,
        workloads="W2 W3 W4 W5",
    ),
    Peer(
        "gobhir compiled, batch on 2 threads, Haswell kernels",
        "torchlike",
        {"framework": "gobhir", "compiled": True, "split": True},
        1,
        coretype="Haswell",
        workloads="W2 W3 W4 W5",
    ),
    Peer("gobhir, Haswell kernels", "torchlike", {"framework": "gobhir"}, 2, coretype="Haswell"),
    Peer(
        "gobhir compiled, Haswell kernels",
        "torchlike",
        {"framework": "gobhir", "compiled": True},
        2,
        coretype="Haswell",
    ),
    Peer("JAX jit", "jax", {}, 2, "jax"),
    Peer("tinygrad jit", "tinygrad", {}, 2, "tinygrad"),
    Peer("autograd", "autograd", {}, 2, "autograd"),
    Peer("DeZero", "dezero", {}, 2, "dezero", workloads="W1 W2 W3 W4"),
    Peer("Keras on PyTorch", "keras", {"backend": "torch"}, 2, "keras"),
    Peer("Keras on JAX", "keras", {"backend": "jax"}, 2, "keras"),
)
PEERS = {p.name: p for p in _ALL}
