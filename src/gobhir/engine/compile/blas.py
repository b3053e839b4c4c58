"""Which library multiplies matrices for NumPy, and on how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@cache
def libraries() -> tuple[Any, ...]:
    """What threadpoolctl knows of each BLAS that is loaded."""
    from threadpoolctl import ThreadpoolController

    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def alone() -> bool:
    """Whether no BLAS would divide a product among threads."""
    return all(library.get_num_threads() == 1 for library in libraries())


@contextmanager
def one_thread() -> Iterator[None]:
    """Every BLAS on one thread meanwhile: on a busy computer several wait for each other longer
    than it takes to multiply matrices of a thousand rows."""
    found = [(library, library.get_num_threads()) for library in libraries()]
    several = [(library, count) for library, count in found if count > 1]
    for library, _ in several:
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, count in several:
            library.set_num_threads(count)
