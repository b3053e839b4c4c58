"""Normalisation against PyTorch: functions with both derivatives, layers with their running
statistics, and what is refused."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import check, numbers

F, TF = gobhir.nn.functional, torch.nn.functional


def inputs(shape: tuple[int, ...], parameters: int, weighed: tuple[int, ...]) -> list[np.ndarray]:
    """An input in C order (PyTorch's own gradients are wrong for some others) and weights."""
    x = np.ascontiguousarray(numbers(1, shape))
    return [x, *(numbers(2 + i, weighed) for i in range(parameters))]


SHAPES = [(4, 3), (2, 3, 5), (3, 2, 4, 3), (2, 2, 3, 2, 2), (0, 3, 4)]


@pytest.mark.parametrize("parameters", [0, 1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm(shape: tuple[int, ...], parameters: int) -> None:
    def train(f: Any, x: Any, *p: Any) -> Any:
        return f.batch_norm(x, None, None, *p, training=True, eps=0.01)

    def use(f: Any, mean: Any, variance: Any, x: Any, *p: Any) -> Any:
        return f.batch_norm(x, mean, variance, *p)

    given = inputs(shape, parameters, shape[1:2])
    check(partial(train, F), partial(train, TF), given)
    running = [numbers(8, shape[1:2]), numbers(9, shape[1:2], low=0.5)]
    wanted = [False, False] + [True] * len(given)
    check(partial(use, F), partial(use, TF), [*running, *given], wanted)


@pytest.mark.parametrize("parameters", [0, 2])
@pytest.mark.parametrize("shape", SHAPES[1:4])
def test_instance_norm(shape: tuple[int, ...], parameters: int) -> None:
    def norm(f: Any, x: Any, *p: Any) -> Any:
        return f.instance_norm(x, None, None, *p)

    check(partial(norm, F), partial(norm, TF), inputs(shape, parameters, shape[1:2]))


@pytest.mark.parametrize("parameters", [0, 1, 2])
@pytest.mark.parametrize(("shape", "groups"), [((3, 4), 2), ((2, 6, 5), 3), ((2, 4, 3, 2), 1)])
def test_group_norm(shape: tuple[int, ...], groups: int, parameters: int) -> None:
    def norm(f: Any, x: Any, *p: Any) -> Any:
        return f.group_norm(x, groups, *p)

    check(partial(norm, F), partial(norm, TF), inputs(shape, parameters, shape[1:2]))


@pytest.mark.parametrize("parameters", [0, 1, 2])
@pytest.mark.parametrize(("shape", "count"), [((5,), 1), ((3, 4), 1), ((2, 3, 4), 2), ((0, 3), 1)])
def test_layer_and_rms_norm(shape: tuple[int, ...], count: int, parameters: int) -> None:
    def layer(f: Any, x: Any, *p: Any) -> Any:
        return f.layer_norm(x, shape[-count:], *p)

    def rms(f: Any, x: Any, *p: Any) -> Any:
        return f.rms_norm(x, list(shape[-count:]), *p[:1])

    given = inputs(shape, parameters, shape[-count:])
    check(partial(layer, F), partial(layer, TF), given)
    check(partial(rms, F), partial(rms, TF), given[:2])


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_local_response_norm(size: int) -> None:
    def norm(f: Any, x: Any) -> Any:
        return f.local_response_norm(x, size, 0.1, 0.75, 1.5)

    for shape in ((2, 4, 3), (2, 3, 2, 3)):
        check(partial(norm, F), partial(norm, TF), inputs(shape, 0, ()))


@pytest.mark.parametrize("options", [{}, {"dim": 0}, {"p": 1.0}, {"p": 3.0, "dim": -1}])
def test_normalize(options: dict[str, Any]) -> None:
    x = np.random.default_rng(1).normal(size=(3, 4))
    check(partial(F.normalize, **options), partial(TF.normalize, **options), [x])


LAYERS: dict[str, tuple[tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = {
    "BatchNorm1d": ((3,), {}, (4, 3)),
    "BatchNorm1d, signals": ((3,), {"momentum": None}, (4, 3, 5)),
    "BatchNorm2d": ((3,), {"momentum": 0.3, "eps": 0.01}, (4, 3, 5, 2)),
    "BatchNorm2d, bare": ((3,), {"affine": False}, (4, 3, 5, 2)),
    "BatchNorm3d": ((2,), {"track_running_stats": False}, (2, 2, 3, 4, 2)),
    "InstanceNorm1d": ((3,), {}, (4, 3, 5)),
    "InstanceNorm2d": ((3,), {"affine": True, "track_running_stats": True}, (4, 3, 5, 2)),
    "InstanceNorm3d": ((2,), {"affine": True}, (2, 3, 4, 2)),
    "GroupNorm": ((2, 4), {}, (3, 4, 5)),
    "GroupNorm, bare": ((2, 4), {"affine": False}, (3, 4)),
    "LayerNorm": ((5,), {}, (3, 4, 5)),
    "LayerNorm, no bias": (((4, 5),), {"bias": False}, (3, 4, 5)),
    "LayerNorm, bare": ((5,), {"elementwise_affine": False, "eps": 0.1}, (3, 5)),
    "RMSNorm": ((5,), {}, (3, 4, 5)),
    "RMSNorm, bare": (([4, 5],), {"elementwise_affine": False, "eps": 0.1}, (3, 4, 5)),
    "LocalResponseNorm": ((3,), {"alpha": 0.1}, (3, 4, 5)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_in_training_and_in_use(name: str) -> None:
    args, options, shape = LAYERS[name]
    rng = np.random.default_rng(5)
    batches = [rng.normal(size=shape) * 3 + 2 for _ in range(3)]
    told = []
    for t in (gobhir, torch):
        layer = getattr(t.nn, name.split(",")[0])(*args, **options).to(t.float64)
        seen = [layer(t.from_numpy(x)).detach().numpy() for x in batches]
        seen.append(layer.eval()(t.from_numpy(batches[0])).detach().numpy())
        told.append((repr(layer), {k: v.numpy() for k, v in layer.state_dict().items()}, seen))
    (mine, state, got), (theirs, state_t, want) = told
    assert mine == theirs
    assert list(state) == list(state_t)
    for key, value in state_t.items():
        assert state[key].dtype == value.dtype
        np.testing.assert_allclose(state[key], value, rtol=1e-12)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["BatchNorm2d", "InstanceNorm2d", "GroupNorm", "LayerNorm"])
def test_the_result_may_be_changed_in_place(name: str) -> None:
    """The blocks of a ResNet: a shortcut is added, a ReLU writes over the sum."""
    x, told = numbers(3, (2, 4, 3, 3)), []
    options = {"GroupNorm": (2, 4), "LayerNorm": (3,)}.get(name, (4,))
    for t in (gobhir, torch):
        layer = getattr(t.nn, name)(*options).double()
        given = t.tensor(x, requires_grad=True)
        y = layer(given)
        y += given
        t.nn.ReLU(inplace=True)(y).pow(2).sum().backward()
        told.append([y.detach().numpy(), given.grad.numpy()])
        told[-1] += [p.grad.numpy() for p in layer.parameters()]
    for got, want in zip(*told, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


def test_a_pytorch_state_fits() -> None:
    theirs = torch.nn.BatchNorm2d(3)
    theirs(torch.randn(4, 3, 2, 2))
    mine = gobhir.nn.BatchNorm2d(3)
    mine.load_state_dict(theirs.state_dict())
    assert mine.num_batches_tracked.item() == 1
    np.testing.assert_array_equal(mine.running_var.numpy(), theirs.running_var.numpy())
    mine.reset_running_stats()
    assert mine.running_mean.tolist() == [0, 0, 0] and mine.num_batches_tracked.item() == 0


def test_statistics_are_no_part_of_the_graph() -> None:
    layer = gobhir.nn.BatchNorm1d(2)
    for _ in range(2):
        layer(gobhir.randn(4, 2)).sum().backward()
    assert not layer.running_mean.requires_grad and layer.running_mean.grad_fn is None


WRONG = {
    "one value": lambda t, f: t.nn.BatchNorm1d(3)(t.ones(1, 3)),
    "one value in an image": lambda t, f: t.nn.BatchNorm2d(3)(t.ones(1, 3, 1, 1)),
    "one value an instance": lambda t, f: t.nn.InstanceNorm2d(3)(t.ones(2, 3, 1, 1)),
    "one value a group": lambda t, f: f.group_norm(t.ones(1, 2), 2),
    "dimensions": lambda t, f: t.nn.BatchNorm2d(3)(t.ones(2, 3)),
    "dimensions 1d": lambda t, f: t.nn.BatchNorm1d(3)(t.ones(2, 3, 2, 2)),
    "instance dimensions": lambda t, f: t.nn.InstanceNorm2d(3)(t.ones(2, 3)),
    "instance channels": lambda t, f: t.nn.InstanceNorm1d(3, affine=True)(t.ones(2, 4, 5)),
    "channels": lambda t, f: t.nn.BatchNorm2d(3)(t.ones(2, 4, 5, 5)),
    "no statistics": lambda t, f: f.batch_norm(t.ones(2, 3), None, None),
    "eps": lambda t, f: f.batch_norm(t.ones(2, 3), None, None, training=True, eps=0.0),
    "groups": lambda t, f: f.group_norm(t.ones(2, 3, 4), 2),
    "groups of a layer": lambda t, f: t.nn.GroupNorm(2, 3),
    "layer shape": lambda t, f: f.layer_norm(t.ones(2, 3), (4,)),
    "layer of nothing": lambda t, f: f.layer_norm(t.ones(2, 3), ()),
    "layer weight": lambda t, f: f.layer_norm(t.ones(2, 3), (3,), t.ones(2)),
    "layer dtype": lambda t, f: f.layer_norm(t.ones(2, 3), (3,), t.ones(3).double()),
    "local dimensions": lambda t, f: f.local_response_norm(t.ones(2, 3), 2),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    kinds = []
    for t, f in ((torch, TF), (gobhir, F)):
        with pytest.raises((RuntimeError, ValueError)) as caught:
            WRONG[name](t, f)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


def test_one_value_says_what_to_do() -> None:
    model = gobhir.nn.Sequential(gobhir.nn.Linear(2, 3), gobhir.nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match=r"'1', BatchNorm1d.*\(1, 3\).*drop_last.*eval"):
        model(gobhir.ones(1, 2))
    assert model.eval()(gobhir.ones(1, 2)).shape == (1, 3)


def test_sync_batch_norm_is_batch_norm_in_one_process() -> None:
    x = numbers(3, (4, 3, 5, 2), "float32")
    outs = []
    for t in (gobhir, torch):
        model = t.nn.Sequential(t.nn.BatchNorm2d(3), t.nn.Sequential(t.nn.BatchNorm2d(3, eps=0.1)))
        model[0].running_mean += 1
        model = t.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        outs += [repr(model), model(t.from_numpy(x)).detach().numpy(), list(model.state_dict())]
        outs[-1].append(model[0].running_mean.numpy())
    assert outs[0] == outs[3]
    np.testing.assert_allclose(outs[1], outs[4], atol=1e-5)
    np.testing.assert_allclose(outs[2].pop(), outs[5].pop(), rtol=1e-5)
    assert outs[2] == outs[5]


def test_data_parallel_without_a_gpu_is_the_module() -> None:
    for t in (gobhir, torch):
        model = t.nn.DataParallel(t.nn.Linear(3, 2))
        assert list(model.state_dict()) == ["module.weight", "module.bias"]
        assert model(t.ones(4, 3)).shape == (4, 2)
