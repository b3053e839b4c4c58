"""Gobhir and PyTorch: one program, run by both."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.peers import Step
from benchmarks.workloads import Workload


def make(
    workload: Workload,
    threads: int,
    framework: str,
    compiled: bool = False,
    fused: bool = False,
    split: bool = False,
) -> Step:
    """The step, define-by-run or compiled. split: half a batch on each of two threads."""
    torch: Any = import_module(framework)
    if framework == "torch":
        torch.set_num_threads(threads)
    model = workload.network(torch)
    weights = workload.weights()
    model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    x, y = (torch.from_numpy(a) for a in workload.batch())
    loss_of = getattr(torch.nn.functional, {"mse": "mse_loss"}.get(workload.loss, workload.loss))
    options: dict[str, Any] = {"fused": True} if fused else {}
    kind = getattr(torch.optim, workload.optimizer)
    optimizer = kind(model.parameters(), **workload.settings, **options)
    if framework == "torch" and compiled:
        model = torch.compile(model)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    if framework == "gobhir" and compiled:
        step = torch.compile(step, **({"threads": 2} if split else {}))
    return lambda: step(x, y).item()
