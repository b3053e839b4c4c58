"""Questions about graphics cards, and the honest answer: Gobhir computes on the CPU."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from gobhir.engine.absent import missing

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "get_arch_list",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "synchronize",
]

mps = xpu = sys.modules[__name__]
"""Other accelerators: the same answers."""


def is_available() -> bool:
    """False: no tensor can be on a graphics card."""
    return False


is_initialized = is_bf16_supported = is_available


def device_count() -> int:
    """0."""
    return 0


def memory_allocated(device: Any = None) -> int:
    """0: there is no such memory."""
    return 0


memory_reserved = max_memory_allocated = max_memory_reserved = memory_allocated


def get_arch_list() -> list[str]:
    """[]: for no graphics card was anything built."""
    return []


def current_device() -> int:
    """RuntimeError: there is none."""
    from gobhir.engine.device import check_place

    check_place("cuda")
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed; harmless, as in PyTorch without a graphics card."""


def manual_seed_all(seed: int) -> None:
    """Nothing to seed; harmless, as in PyTorch without a graphics card."""


def empty_cache() -> None:
    """Nothing to give back."""


def synchronize(device: Any = None) -> None:
    """Nothing to wait for: every result is there when a function returns."""


def __getattr__(name: str) -> Any:
    if name == "amp":
        return import_module("gobhir.cuda.amp")
    raise missing(__name__, name)
