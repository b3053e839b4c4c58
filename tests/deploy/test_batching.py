"""Batches: who goes in together, who is turned away, who gets what."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from gobhir.deploy.serve.batching import Batcher, Full


def one(value: float) -> list[np.ndarray]:
    return [np.array([value])]


class Model:
    """Twice its input. It waits at the gate, and remembers the sizes of its batches."""

    def __init__(self) -> None:
        self.gate, self.sizes = threading.Event(), list[int]()

    def __call__(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.sizes.append(len(arrays[0]))
        assert self.gate.wait(10)
        if (arrays[0] < 0).any():
            raise ValueError("negative")
        return [arrays[0] * 2]


def with_batcher(test: Callable[[Batcher, Model], Any], **settings: Any) -> Model:
    async def run() -> None:
        batcher = Batcher(model, **({"max_batch": 4, "max_wait": 0.0, "max_waiting": 8} | settings))
        batcher.start()
        try:
            await test(batcher, model)
        finally:
            model.gate.set()
            await batcher.close()

    model = Model()
    asyncio.run(run())
    return model


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not met():
            await asyncio.sleep(0.001)


def test_who_waits_goes_in_together_and_gets_its_own() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        first = asyncio.create_task(batcher.submit(one(0)))
        await until(lambda: model.sizes == [1])
        others = [asyncio.create_task(batcher.submit(one(i))) for i in range(1, 7)]
        await until(lambda: batcher.waiting == 6)
        model.gate.set()
        found = await asyncio.gather(first, *others)
        assert [outputs[0].item() for outputs, _ in found] == [0, 2, 4, 6, 8, 10, 12]
        assert [size for _, size in found] == [1, 4, 4, 4, 4, 2, 2]

    assert with_batcher(test).sizes == [1, 4, 2]


def test_a_batch_waits_for_others_to_come() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        model.gate.set()
        tasks = []
        for i in range(4):
            tasks.append(asyncio.create_task(batcher.submit(one(i))))
            await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)

    assert with_batcher(test, max_wait=30.0).sizes == [4]  # full, so it need not wait on


def test_a_full_queue_turns_away() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        tasks = [asyncio.create_task(batcher.submit(one(0)))]
        await until(lambda: model.sizes == [1])
        tasks += [asyncio.create_task(batcher.submit(one(0))) for _ in range(8)]
        await until(lambda: batcher.waiting == 8)
        with pytest.raises(Full):
            await batcher.submit(one(0))
        model.gate.set()
        await asyncio.gather(*tasks)

    assert sum(with_batcher(test).sizes) == 9


def test_nobody_computes_for_those_who_left() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        first = asyncio.create_task(batcher.submit(one(0)))
        await until(lambda: model.sizes == [1])
        gone, stays = (asyncio.create_task(batcher.submit(one(i))) for i in (1, 2))
        await until(lambda: batcher.waiting == 2)
        gone.cancel()
        model.gate.set()
        assert (await stays)[0][0].item() == 4 and (await first)[1] == 1

    assert with_batcher(test).sizes == [1, 1]


def test_a_failure_reaches_its_batch_and_no_other() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        model.gate.set()
        with pytest.raises(ValueError, match="negative"):
            await batcher.submit(one(-1))
        assert (await batcher.submit(one(1)))[0][0].item() == 2

    with_batcher(test)


def test_stopping_finishes_what_waits() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        tasks = [asyncio.create_task(batcher.submit(one(i))) for i in range(7)]
        await until(lambda: len(model.sizes) > 0)
        model.gate.set()
        await batcher.close()
        assert [t.result()[0][0].item() for t in tasks] == [2 * i for i in range(7)]

    with_batcher(test)


def test_apart_where_rows_do_not_go_together() -> None:
    async def test(batcher: Batcher, model: Model) -> None:
        model.gate.set()
        sizes = (1, 3)
        found = await asyncio.gather(*(batcher.submit([np.ones((n, 2))]) for n in sizes))
        assert [outputs[0].shape for outputs, _ in found] == [(1, 2), (3, 2)]

    assert with_batcher(test, together=False).sizes == [1, 3]
