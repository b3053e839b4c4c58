"""Data loading beside PyTorch's: the same batches in the same order from the same seed."""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data

import gobhir
from gobhir.utils import data as mine

theirs = torch.utils.data
Point = namedtuple("Point", ["x", "y"])
BOTH = [(gobhir, mine), (torch, theirs)]


def plain(value: Any) -> Any:
    """Nested tensors as what can be compared with ==: kind of number, shape and values."""
    if isinstance(value, (gobhir.Tensor, torch.Tensor)):
        array = np.asarray(value.detach().numpy())
        return str(array.dtype), array.shape, array.tolist()
    if isinstance(value, dict):
        return type(value).__name__, {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(v) for v in value]
    return value


def on_both(program: Callable[[Any, Any], Any]) -> list[Any]:
    """What `program(framework, utils.data)` gives on Gobhir and on PyTorch, seeded alike."""
    results = []
    for framework, data in BOTH:
        framework.manual_seed(7)
        results.append(plain(program(framework, data)))
    return results


def tensors(framework: Any, n: int = 11) -> list[Any]:
    x = framework.tensor([[float(i), float(-i)] for i in range(n)])
    return [x, framework.tensor(list(range(n)))]


def examples(framework: Any, data: Any) -> Any:
    class Squares(data.Dataset):
        def __getitem__(self, i: int) -> Any:
            return i, float(i) ** 2

        def __len__(self) -> int:
            return 11

    return Squares()


def walked(loader: Any, epochs: int = 3) -> list[Any]:
    return [list(loader) for _ in range(epochs)]


LOADERS: dict[str, Callable[[Any, Any, Any], dict[str, Any]]] = {
    "plain": lambda f, d, s: {"batch_size": 4},
    "one by one": lambda f, d, s: {},
    "drop_last": lambda f, d, s: {"batch_size": 4, "drop_last": True},
    "shuffled": lambda f, d, s: {"batch_size": 4, "shuffle": True},
    "shuffled, drop_last": lambda f, d, s: {"batch_size": 4, "shuffle": True, "drop_last": True},
    "generator": lambda f, d, s: {
        "batch_size": 3,
        "shuffle": True,
        "generator": f.Generator().manual_seed(3),
    },
    "no batches": lambda f, d, s: {"batch_size": None, "shuffle": True},
    "sampler": lambda f, d, s: {"batch_size": 4, "sampler": [3, 1, 2, 2, 0]},
    "batch_sampler": lambda f, d, s: {"batch_sampler": [[1, 2], [0], [5, 6, 7]]},
    "replacement": lambda f, d, s: {
        "batch_size": 16,
        "sampler": d.RandomSampler(s, replacement=True, num_samples=70),
    },
    "more than all": lambda f, d, s: {
        "batch_size": 4,
        "sampler": d.RandomSampler(s, num_samples=25),
    },
    "more than all, generator": lambda f, d, s: {
        "batch_size": 4,
        "sampler": d.RandomSampler(s, num_samples=22, generator=f.Generator().manual_seed(1)),
    },
    "subset, random": lambda f, d, s: {
        "batch_size": 2,
        "sampler": d.SubsetRandomSampler([1, 4, 6, 8, 0]),
    },
    "batches of an own sampler": lambda f, d, s: {
        "batch_sampler": d.BatchSampler(d.RandomSampler(s), 5, False)
    },
    "collate_fn": lambda f, d, s: {"batch_size": 4, "collate_fn": len},
}


@pytest.mark.parametrize("source", ["tensors", "examples", "subset", "subset of subset", "concat"])
@pytest.mark.parametrize("settings", LOADERS)
def test_batches(settings: str, source: str) -> None:
    def program(framework: Any, data: Any) -> Any:
        rows = data.TensorDataset(*tensors(framework))
        if source == "examples":
            rows = examples(framework, data)
        elif source == "subset":
            rows = data.Subset(rows, [9, 0, 3, 4, 5, 1, 2, 10, 8])
        elif source == "subset of subset":
            rows = data.Subset(data.Subset(rows, range(2, 11)), [8, 7, 0, 1, 2, 3, 4, 5, 6, -1])
        elif source == "concat":
            rows = rows + data.TensorDataset(*tensors(framework, 3))
        loader = data.DataLoader(rows, **LOADERS[settings](framework, data, rows))
        # What is drawn afterwards shows that both took equally many random numbers.
        return walked(loader), len(loader), framework.rand(3)

    ours, pytorchs = on_both(program)
    assert ours == pytorchs


def test_taking_rows_at_once_changes_nothing() -> None:
    """The quick way through a TensorDataset beside the plain one, which a collate_fn of one's
    own makes the loader take; and no batch shares memory with the data."""
    rows = mine.TensorDataset(*tensors(gobhir))
    part = mine.Subset(rows, [5, 3, 1, 0, 9])
    for dataset in (rows, part):
        quick = mine.DataLoader(dataset, 3)
        slow = mine.DataLoader(dataset, 3, collate_fn=lambda b: mine.default_collate(b))
        assert quick._columns() is not None and slow._columns() is None
        assert plain(list(quick)) == plain(list(slow))
    for x, _ in mine.DataLoader(rows, 11):
        x.fill_(100.0)
    assert rows.tensors[0].tolist()[-1] == [10.0, -10.0]
    with pytest.raises(IndexError):
        list(mine.DataLoader(rows, sampler=[11]))


def test_gradients_reach_the_tensors_of_a_data_set() -> None:
    x = gobhir.ones(4, 2, requires_grad=True)
    for (batch,) in mine.DataLoader(mine.TensorDataset(x), 2):
        batch.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[1.0, 1.0]] * 4


def test_streams() -> None:
    def program(framework: Any, data: Any) -> Any:
        class Stream(data.IterableDataset):
            def __init__(self, n: int):
                self.n = n

            def __iter__(self) -> Iterator[Any]:
                return ((i, framework.tensor([float(i)])) for i in range(self.n))

            def __len__(self) -> int:
                return self.n

        chain = Stream(3) + Stream(4)
        loaders = [
            data.DataLoader(chain, 3),
            data.DataLoader(chain, 3, drop_last=True),
            data.DataLoader(chain, None),
            data.DataLoader(data.ChainDataset([Stream(2), Stream(0)]), 5),
        ]
        return [(walked(loader, 2), len(loader)) for loader in loaders], framework.rand(2)

    ours, pytorchs = on_both(program)
    assert ours == pytorchs


BATCHES: dict[str, Callable[[Any], list[Any]]] = {
    "tensors": lambda f: [f.tensor([1.0, 2.0]), f.tensor([3.0, 4.0])],
    "numbers": lambda f: [1, 2, 3],
    "floats": lambda f: [1.0, 2.5],
    "truths": lambda f: [True, False],
    "texts": lambda f: ["a", "b"],
    "bytes": lambda f: [b"a", b"b"],
    "arrays": lambda f: [np.ones((2, 2)), np.zeros((2, 2))],
    "small arrays": lambda f: [np.float32(1.5), np.float32(2.5)],
    "counts": lambda f: [np.int64(1), np.int64(2)],
    "tuples": lambda f: [(0, 1.0, "x"), (2, 3.0, "y")],
    "lists": lambda f: [[0, 1], [2, 3]],
    "dictionaries": lambda f: [{"a": 0, "b": [1, "s"]}, {"a": 2, "b": [3, "t"]}],
    "ordered": lambda f: [OrderedDict(a=1), OrderedDict(a=2)],
    "defaults": lambda f: [defaultdict(int, a=1), defaultdict(int, a=2)],
    "named": lambda f: [Point(0, f.tensor(1.0)), Point(1, f.tensor(2.0))],
    "nested": lambda f: [{"p": Point((1, 2), [0.5])}, {"p": Point((3, 4), [1.5])}],
}


@pytest.mark.parametrize("kind", BATCHES)
def test_collating_and_converting(kind: str) -> None:
    ours, pytorchs = on_both(lambda f, d: d.default_collate(BATCHES[kind](f)))
    assert ours == pytorchs
    ours, pytorchs = on_both(lambda f, d: d.default_convert(BATCHES[kind](f)))
    assert ours == pytorchs


@pytest.mark.parametrize("lengths", [[3, 8], [0.5, 0.5], [0.3, 0.3, 0.4], [11], [0.05, 0.95]])
@pytest.mark.parametrize("seed", [None, 4])
def test_random_split(lengths: list[float], seed: int | None) -> None:
    def program(framework: Any, data: Any) -> Any:
        settings = {} if seed is None else {"generator": framework.Generator().manual_seed(seed)}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            parts = data.random_split(range(11), lengths, **settings)
        # a part of 0.05 of 11 is empty before the rest is shared out, and not after
        return [list(part.indices) for part in parts], len(caught), framework.rand(1)

    ours, pytorchs = on_both(program)
    assert ours == pytorchs


def test_an_empty_part_is_mentioned() -> None:
    with pytest.warns(UserWarning, match="2") as told:
        parts = mine.random_split(range(2), [0.5, 0.5, 0.0])
    assert told[0].filename == __file__
    assert [len(p) for p in parts] == [1, 1, 0]


def test_data_sets_side_by_side() -> None:
    def program(framework: Any, data: Any) -> Any:
        a, b = examples(framework, data), data.TensorDataset(framework.arange(11))
        by_place = data.StackDataset(a, data.Subset(b, range(11)))
        by_name = data.StackDataset(a=a, b=b)
        batches = [list(data.DataLoader(d, 4, shuffle=True)) for d in (by_place, by_name)]
        return batches, by_place[3], by_name[-1], len(by_place)

    ours, pytorchs = on_both(program)
    assert ours == pytorchs


@pytest.mark.parametrize("replacement", [True, False])
def test_weighted_sampling(replacement: bool) -> None:
    def program(framework: Any, data: Any) -> Any:
        weights = [0.5, 3.0, 0.0, 1.5, 2.0]
        generator = framework.Generator().manual_seed(5)
        sampler = data.WeightedRandomSampler(weights, 3, replacement, generator=generator)
        return [list(sampler) for _ in range(4)], len(sampler)

    ours, pytorchs = on_both(program)
    drawn = [i for walk in ours[1][0][1] for i in walk[1]]
    assert len(drawn) == 12 and 2 not in drawn
    assert ours == pytorchs
    assert replacement or all(len(set(walk[1])) == 3 for walk in ours[1][0][1])


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "batch_size 0": lambda f, d: d.DataLoader([1], 0),
    "batch_size float": lambda f, d: d.DataLoader([1], 1.5),
    "no data to shuffle": lambda f, d: d.DataLoader([], shuffle=True),
    "sampler and shuffle": lambda f, d: d.DataLoader([1], sampler=[0], shuffle=True),
    "batch_sampler and more": lambda f, d: d.DataLoader([1], 2, batch_sampler=[[0]]),
    "drop_last without batches": lambda f, d: d.DataLoader([1], None, drop_last=True),
    "negative workers": lambda f, d: d.DataLoader([1], num_workers=-1),
    "negative timeout": lambda f, d: d.DataLoader([1], timeout=-1),
    "timeout alone": lambda f, d: list(d.DataLoader([1], timeout=1)),
    "prefetch alone": lambda f, d: d.DataLoader([1], prefetch_factor=2),
    "negative prefetch": lambda f, d: d.DataLoader([1], num_workers=1, prefetch_factor=-2),
    "persistent alone": lambda f, d: d.DataLoader([1], persistent_workers=True),
    "changed later": lambda f, d: setattr(d.DataLoader([1]), "batch_size", 3),
    "stream shuffled": lambda f, d: d.DataLoader(endless(d), shuffle=True),
    "stream with sampler": lambda f, d: d.DataLoader(endless(d), sampler=[0]),
    "stream, batch_sampler": lambda f, d: d.DataLoader(endless(d), batch_sampler=[[0]]),
    "tensor sizes": lambda f, d: d.TensorDataset(f.ones(2), f.ones(3)),
    "nothing to concatenate": lambda f, d: d.ConcatDataset([]),
    "concatenated stream": lambda f, d: d.ConcatDataset([endless(d)]),
    "chain of no streams": lambda f, d: list(d.ChainDataset([[1]])),
    "chain's length": lambda f, d: len(d.ChainDataset([[1]])),
    "before the first": lambda f, d: (d.ConcatDataset([[1]]))[-2],
    "nothing to stack": lambda f, d: d.StackDataset(),
    "stack both ways": lambda f, d: d.StackDataset([1], a=[1]),
    "stack of lengths": lambda f, d: d.StackDataset([1], [1, 2]),
    "stack of lengths by name": lambda f, d: d.StackDataset(a=[1], b=[1, 2]),
    "split sum": lambda f, d: d.random_split(range(3), [1, 1]),
    "split fraction": lambda f, d: d.random_split(range(3), [1.5, -0.5]),
    "no examples": lambda f, d: d.Dataset()[0],
    "no stream": lambda f, d: iter(d.IterableDataset()),
    "weights": lambda f, d: d.WeightedRandomSampler([[1.0]], 1),
    "weighted number": lambda f, d: d.WeightedRandomSampler([1.0], 0),
    "weighted number, true": lambda f, d: d.WeightedRandomSampler([1.0], True),
    "weighted replacement": lambda f, d: d.WeightedRandomSampler([1.0], 1, 1),
    "replacement": lambda f, d: d.RandomSampler([1], replacement=1),
    "number of samples": lambda f, d: d.RandomSampler([1], num_samples=0),
    "batches": lambda f, d: d.BatchSampler([1], True, False),
    "drop_last": lambda f, d: d.BatchSampler([1], 2, 1),
    "shapes": lambda f, d: d.default_collate([f.ones(2), f.ones(3)]),
    "lengths": lambda f, d: d.default_collate([[1], [1, 2]]),
    "things": lambda f, d: d.default_collate([object()]),
    "texts in arrays": lambda f, d: d.default_collate([np.array(["a"])]),
    "stack short": lambda f, d: list(d.DataLoader(d.StackDataset(short(d)), 2)),
}


def endless(data: Any) -> Any:
    class Endless(data.IterableDataset):
        def __iter__(self) -> Iterator[int]:
            return iter(int, 1)

    return Endless()


def short(data: Any) -> Any:
    class Short(data.Dataset):
        def __len__(self) -> int:
            return 4

        def __getitems__(self, indices: list[int]) -> list[int]:
            return indices[:1]

    return Short()


@pytest.mark.parametrize("program", REFUSED)
def test_what_pytorch_refuses(program: str) -> None:
    kinds = []
    for framework, data in BOTH:
        with pytest.raises(Exception) as caught, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            REFUSED[program](framework, data)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]
    assert str(caught.value)


def test_a_subset_that_overrides_half() -> None:
    for _, data in BOTH:

        class Half(data.Subset):  # type: ignore[name-defined, misc]
            def __getitem__(self, i: int) -> Any:
                return None

        with pytest.raises(NotImplementedError, match="__getitems__"):
            Half([1, 2], [0])


def test_workers_are_accepted_and_said_to_be_none() -> None:
    with pytest.warns(UserWarning, match="num_workers"):
        loader = mine.DataLoader(range(4), 2, num_workers=2, persistent_workers=True)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [b.tolist() for b in loader] == [[0, 1], [2, 3]]
    assert loader.prefetch_factor == 2 and mine.get_worker_info() is None


def test_every_way_of_importing() -> None:
    import gobhir.utils.data as whole

    assert whole is mine is gobhir.utils.data
    assert set(mine.__all__) <= set(dir(theirs))
