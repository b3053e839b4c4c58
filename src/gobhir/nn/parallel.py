"""DataParallel, so that programs that name it run where there is no GPU."""

from __future__ import annotations

from typing import Any

from gobhir.engine.absent import missing
from gobhir.nn.module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """The module, computed on the CPU as it is: what PyTorch's DataParallel does without a GPU.
    In state_dict its keys begin with "module."."""

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ):
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def __getattr__(name: str) -> Any:
    raise missing(__name__, name)
