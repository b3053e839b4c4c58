"""Every loss against PyTorch: options, reductions, shapes; value, gradients with random
cotangents, second derivatives; and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from gobhir.engine import OPS, Family
from tests.engine.parity import FLOATS, SEEDS, SHAPES, check, numbers

TF, GF = torch.nn.functional, gobhir.nn.functional
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])

pytestmark = pytest.mark.filterwarnings("ignore:reduction:UserWarning")


def compare(name: str, inputs: list[np.ndarray], seed: int, **options: Any) -> None:
    mine, theirs = getattr(GF, name), getattr(TF, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        check(lambda *x: mine(*x, **options), lambda *x: theirs(*x, **options), inputs, seed=seed)


def test_every_loss_is_compared() -> None:
    assert {name for name, op in OPS.items() if op.family is Family.LOSS} == {
        "bce_loss",
        "bce_with_logits_loss",
        "cross_entropy_loss",
        "huber_loss",
        "kl_div_loss",
        "l1_loss",
        "log_target_kl_div_loss",
        "mse_loss",
        "smooth_l1_loss",
        # in ops/test_likelihoods.py, ops/test_margins.py and ops/test_ctc.py
        "ctc_loss",
        "gaussian_nll_loss",
        "hinge_embedding_loss",
        "margin_ranking_loss",
        "nll_loss",
        "poisson_nll_loss",
        "soft_margin_loss",
        "weighted_bce_with_logits_loss",
    }


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("huber_loss", {}),
        ("huber_loss", {"delta": 0.5}),
        ("smooth_l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.5}),
        ("smooth_l1_loss", {"beta": 0.0}),
    ],
)
@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS, reduction=REDUCTIONS, row=st.booleans())
@settings(max_examples=20)
def test_regression(
    name: str, options: dict, shape: tuple, dtype: str, seed: int, reduction: str, row: bool
) -> None:
    target = numbers(seed + 3, shape[1:] if row else shape, dtype)
    compare(name, [numbers(seed, shape, dtype), target], seed, reduction=reduction, **options)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS, reduction=REDUCTIONS)
@settings(max_examples=10)
def test_weighted_regression(
    name: str, shape: tuple, dtype: str, seed: int, reduction: str
) -> None:
    inputs = [numbers(seed + i, shape, dtype) for i in range(2)]
    weight = numbers(seed + 5, shape, dtype, 0.5, 2)

    def loss(functional: Any) -> Any:
        return lambda p, y, w: getattr(functional, name)(p, y, reduction=reduction, weight=w)

    check(loss(GF), loss(TF), [*inputs, weight], seed=seed)


@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS, reduction=REDUCTIONS, weighted=st.booleans())
@settings(max_examples=25)
def test_bce(shape: tuple, dtype: str, seed: int, reduction: str, weighted: bool) -> None:
    p, y = numbers(seed, shape, dtype, 0.1, 0.9), numbers(seed + 1, shape, dtype, 0.0, 1.0)
    weight = numbers(seed + 2, shape[-1:], dtype, 0.5, 2)

    def loss(functional: Any, tensor: Any) -> Any:
        w = tensor(weight) if weighted else None
        return lambda p, y: functional.binary_cross_entropy(p, y, w, reduction=reduction)

    check(
        loss(GF, gobhir.from_numpy),
        loss(TF, torch.from_numpy),
        [p, y],
        [True, False],  # PyTorch's target gradient differs from ours where y is 0 or 1 exactly
        seed,
    )


def test_bce_of_certainty() -> None:
    """A wrong answer given with certainty costs 100, not infinity."""
    p, y = np.array([[0, 1, 0, 1], [1, 0, 0, 1]], np.float32)
    for reduction in ("none", "mean"):
        options = {"reduction": reduction}
        check(
            lambda p, y, o=options: GF.binary_cross_entropy(p, y, **o),
            lambda p, y, o=options: TF.binary_cross_entropy(p, y, **o),
            [p, y],
            [True, False],
            second=False,
        )


@given(
    shape=SHAPES,
    dtype=FLOATS,
    seed=SEEDS,
    reduction=REDUCTIONS,
    weighted=st.booleans(),
    positive=st.booleans(),
)
@settings(max_examples=40)
def test_bce_with_logits(
    shape: tuple, dtype: str, seed: int, reduction: str, weighted: bool, positive: bool
) -> None:
    z, y = numbers(seed, shape, dtype, -9, 9), numbers(seed + 1, shape, dtype, 0.0, 1.0)
    extras = {}
    if weighted:
        extras["weight"] = numbers(seed + 2, shape[-1:], dtype, 0.5, 2)
    if positive:
        extras["pos_weight"] = numbers(seed + 3, shape[-1:], dtype, 0.5, 4)

    def loss(functional: Any) -> Any:
        def call(z: Any, y: Any, *others: Any) -> Any:
            named = dict(zip(extras, others, strict=True))
            f = functional.binary_cross_entropy_with_logits
            return f(z, y, reduction=reduction, **named)

        return call

    learns = [True, True, *(False for _ in extras)]
    check(loss(GF), loss(TF), [z, y, *extras.values()], learns, seed)


def test_bce_with_logits_far_out() -> None:
    z = np.array([-800.0, -40.0, 0.0, 40.0, 800.0])
    for y in (np.zeros(5), np.ones(5)):
        compare("binary_cross_entropy_with_logits", [z, y], 0, reduction="none")


@given(
    shape=SHAPES,
    dtype=FLOATS,
    seed=SEEDS,
    log_target=st.booleans(),
    reduction=st.sampled_from(["mean", "sum", "none", "batchmean"]),
    row=st.booleans(),
)
@settings(max_examples=40)
def test_kl_div(
    shape: tuple, dtype: str, seed: int, log_target: bool, reduction: str, row: bool
) -> None:
    if shape[:1] == (0,) and reduction == "batchmean":
        reduction = "sum"  # 0 / 0
    s = numbers(seed, shape, dtype, -3, 0)
    low, high = (-3, 0) if log_target else (0.1, 0.9)
    row = row and 0 not in shape  # PyTorch gives y's gradient the wrong shape there
    y = numbers(seed + 1, shape[1:] if row else shape, dtype, low, high)
    compare("kl_div", [s, y], seed, reduction=reduction, log_target=log_target)


def test_kl_div_of_impossible_events() -> None:
    """0 ln 0 counts as 0."""
    s, y = np.log([0.2, 0.8]), np.array([0.0, 1.0])
    check(
        lambda s, y: GF.kl_div(s, y, reduction="sum"),
        lambda s, y: TF.kl_div(s, y, reduction="sum"),
        [s, y],
        [True, False],
    )


@st.composite
def classification(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, dict]:
    """Logits, targets (labels or probabilities), class weights or None, options."""
    seed, dtype = draw(SEEDS), draw(FLOATS)
    classes = draw(st.integers(1, 4))
    batched = draw(st.booleans())
    more = draw(st.lists(st.integers(1, 3), max_size=2)) if batched else []
    shape = (draw(st.integers(1, 4)), classes, *more) if batched else (classes,)
    z = numbers(seed, shape, dtype)
    options = {
        "reduction": draw(REDUCTIONS),
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0])),
    }
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 2, classes).astype(dtype) if draw(st.booleans()) else None
    if draw(st.booleans()):
        return z, numbers(seed + 1, shape, dtype, 0, 1), weight, options
    y = rng.integers(0, classes, (*shape[:1], *shape[2:]) if batched else ())
    y = np.array(y, "int64")
    if draw(st.booleans()):
        ignored = draw(st.sampled_from([-100, 0]))
        options["ignore_index"] = ignored
        y = np.where(rng.uniform(size=y.shape) < 0.3, ignored, y)
        if (y == ignored).all():
            options["reduction"] = "sum"  # the mean of nothing is NaN
    return z, np.asarray(y), weight, options


@given(drawn=classification())
@settings(max_examples=120)
def test_cross_entropy(drawn: tuple) -> None:
    z, y, weight, options = drawn

    def loss(functional: Any, tensor: Any) -> Any:
        w = None if weight is None else tensor(weight)
        return lambda z, y: functional.cross_entropy(z, y, w, **options)

    check(loss(GF, gobhir.from_numpy), loss(TF, torch.from_numpy), [z, y], seed=1)


def test_labels_as_bytes() -> None:
    z, y = numbers(3, (4, 3)), np.array([0, 2, 1, 1], np.uint8)
    check(GF.cross_entropy, TF.cross_entropy, [z, y], second=False)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 4, 3)])
def test_the_weights_of_classes_have_a_gradient_where_targets_are_shares(
    reduction: str, shape: tuple
) -> None:
    kind: Any = {"reduction": reduction, "label_smoothing": 0.2}
    z, y, w = numbers(2, shape), numbers(5, shape, low=0.0), numbers(8, (4,), low=0.1)
    check(
        lambda z, y, w: gobhir.nn.functional.cross_entropy(z, y, w, **kind),
        lambda z, y, w: torch.nn.functional.cross_entropy(z, y, w, **kind),
        [z, y, w],
    )


def test_cross_entropy_of_an_impossible_class() -> None:
    z = np.array([[0.5, -np.inf, 1.0]])
    compare_labels = [np.array([0]), np.array([2])]
    for y in compare_labels:
        got = GF.cross_entropy(gobhir.from_numpy(z), gobhir.from_numpy(y)).item()
        assert got == pytest.approx(
            TF.cross_entropy(torch.from_numpy(z), torch.from_numpy(y)).item()
        )


def test_the_usual_cross_entropy_is_the_general_one() -> None:
    """Class numbers alone take a short cut; one-hot rows give the same loss and gradient."""
    for z, y in ((numbers(2, (4, 3)), [0, 2, 1, 2]), (numbers(5, (2, 3, 2)), [[0, 2], [1, 1]])):
        labels = gobhir.tensor(y)
        hot = GF.one_hot(labels, 3).to(gobhir.float64)
        hot = hot if hot.ndim == 2 else hot.transpose(1, 2)
        got = []
        for target in (labels, hot):
            leaf = gobhir.from_numpy(z.copy()).requires_grad_()
            loss = GF.cross_entropy(leaf, target)
            loss.backward()
            got.append((loss.item(), leaf.grad.numpy()))
        assert got[0][0] == pytest.approx(got[1][0], rel=1e-12)
        np.testing.assert_allclose(got[0][1], got[1][1], atol=1e-15)


def test_old_ways_of_saying_the_reduction() -> None:
    p, y = gobhir.tensor([1.0, 3.0]), gobhir.tensor([0.0, 1.0])
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert GF.mse_loss(p, y, False).item() == 5
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert gobhir.nn.L1Loss(reduce=False)(p, y).tolist() == [1, 2]
    with pytest.warns(UserWarning, match="reduction='mean'"):
        assert gobhir.nn.CrossEntropyLoss(None, True).reduction == "mean"


def test_nothing_counts() -> None:
    z, y = np.zeros((2, 3)), np.array([-100, -100])
    assert np.isnan(GF.cross_entropy(gobhir.from_numpy(z), gobhir.from_numpy(y)).item())
    assert np.isnan(TF.cross_entropy(torch.from_numpy(z), torch.from_numpy(y)).item())


def test_different_shapes_are_warned_about_where_the_mistake_stands() -> None:
    p, y = gobhir.zeros(3, 1), gobhir.zeros(3)
    for loss in (gobhir.nn.MSELoss(), GF.mse_loss):
        with pytest.warns(UserWarning, match=r"\(3, 1\).*\(3,\)") as caught:
            assert loss(p, y).shape == ()
        assert caught[0].filename == __file__


REFUSED: dict[str, Any] = {
    "mse shapes": lambda t, F: F.mse_loss(t.zeros(2, 3), t.zeros(2, 2)),
    "mse of whole numbers": lambda t, F: F.mse_loss(t.tensor([1]), t.tensor([2])),
    "mse reduction": lambda t, F: F.mse_loss(t.zeros(2), t.zeros(2), reduction="median"),
    "mse weight shape": lambda t, F: F.mse_loss(t.zeros(2), t.zeros(2), weight=t.ones(3)),
    "huber delta": lambda t, F: F.huber_loss(t.zeros(2), t.zeros(2), delta=0),
    "smooth l1 beta": lambda t, F: F.smooth_l1_loss(t.zeros(2), t.zeros(2), beta=-1),
    "bce above 1": lambda t, F: F.binary_cross_entropy(t.tensor([1.5]), t.ones(1)),
    "bce below 0": lambda t, F: F.binary_cross_entropy(t.tensor([-0.5]), t.ones(1)),
    "bce target": lambda t, F: F.binary_cross_entropy(t.tensor([0.5]), t.tensor([2.0])),
    "bce shapes": lambda t, F: F.binary_cross_entropy(t.ones(2, 1), t.ones(2)),
    "bce dtypes": lambda t, F: F.binary_cross_entropy(t.ones(2), t.ones(2, dtype=t.float64)),
    "bce labels": lambda t, F: F.binary_cross_entropy(t.ones(2), t.tensor([1, 0])),
    "logits shapes": lambda t, F: F.binary_cross_entropy_with_logits(t.ones(2, 1), t.ones(2)),
    "pos_weight": lambda t, F: F.binary_cross_entropy_with_logits(
        t.ones(2, 3), t.ones(2, 3), pos_weight=t.ones(2)
    ),
    "label too large": lambda t, F: F.cross_entropy(t.zeros(2, 3), t.tensor([0, 3])),
    "label negative": lambda t, F: F.cross_entropy(t.zeros(2, 3), t.tensor([0, -1])),
    "labels missing": lambda t, F: F.cross_entropy(t.zeros(2, 3), t.tensor([0])),
    "labels floating": lambda t, F: F.cross_entropy(t.zeros(2, 3), t.tensor([0.0, 1.0])),
    "labels int32": lambda t, F: F.cross_entropy(t.zeros(2, 3), t.tensor([0, 1], dtype=t.int32)),
    "labels one-hot but whole": lambda t, F: F.cross_entropy(
        t.zeros(2, 2), t.tensor([[0, 1], [1, 0]])
    ),
    "labels in the wrong place": lambda t, F: F.cross_entropy(
        t.zeros(2, 3, 4), t.zeros(2, 3, dtype=t.int64)
    ),
    "logits whole": lambda t, F: F.cross_entropy(t.tensor([[1, 2]]), t.tensor([0])),
    "class weights": lambda t, F: F.cross_entropy(
        t.zeros(2, 3), t.tensor([0, 1]), weight=t.ones(2)
    ),
    "class weights' dtype": lambda t, F: F.cross_entropy(
        t.zeros(2, 3), t.tensor([0, 1]), weight=t.ones(3, dtype=t.float64)
    ),
    "smoothing": lambda t, F: F.cross_entropy(t.zeros(2, 3), t.tensor([0, 1]), label_smoothing=1.5),
    "kl shapes": lambda t, F: F.kl_div(t.zeros(2, 3), t.zeros(2, 2), reduction="sum"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_refused_as_by_pytorch(name: str) -> None:
    with pytest.raises(Exception) as theirs:
        REFUSED[name](torch, TF)
    with pytest.raises(Exception) as mine:
        REFUSED[name](gobhir, GF)
    assert issubclass(theirs.type, mine.type)
    message = mine.value.args[0]
    assert message.text("bn") != message.text("en")


def test_nan_is_refused_as_a_probability() -> None:
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        GF.binary_cross_entropy(gobhir.tensor([float("nan")]), gobhir.ones(1))


def test_an_empty_batch_is_noticed() -> None:
    with pytest.warns(UserWarning, match="empty") as told:
        loss = GF.mse_loss(gobhir.zeros(0, 3), gobhir.zeros(0, 3))
    assert gobhir.isnan(loss) and told[0].filename == __file__
