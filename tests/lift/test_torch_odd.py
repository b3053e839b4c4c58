"""Programs that do unusual things while they are watched: they are seen, or it is said why not; and
they go on as if nobody looked."""

from __future__ import annotations

import copy
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gobhir
from gobhir.lift import recorder
from gobhir.lift.trace import Value
from tests.lift.test_torch_watch import agrees, steps


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def step(model: Any, updates: Any, x: Any = None) -> None:
    updates.zero_grad()
    model(torch.randn(4, 3) if x is None else x).pow(2).mean().backward()
    updates.step()


def sgd(model: Any) -> Any:
    return torch.optim.SGD(model.parameters(), 0.1)


def notes(watch: Any, number: int = 1) -> set[str]:
    return {note.key.removeprefix("rules.watch.") for note in watch.steps[number - 1].notes}


def agreed(watch: Any) -> list[Any]:
    """All steps, after a look at each."""
    found = steps(watch.trace)
    for lifted in found:
        agrees(lifted)
    for k in range(len(found)):
        page = watch.explain(k + 1)
        assert page.to_text("bn") and page.to_html("en")
    return found


# -- what works ----


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "normed",
    [
        nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.orthogonal,
    ],
)
def test_weights_that_are_computed(normed: Callable[..., Any], before: bool) -> None:
    model = normed(nn.Linear(3, 3)) if before else None
    with gobhir.watch() as watch:
        model = normed(nn.Linear(3, 3)) if model is None else model
        step(model, sgd(model))
    agreed(watch)


@pytest.mark.parametrize("norm", [0.5, 100.0])
@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag])
def test_a_table_whose_rows_are_cut_as_they_are_looked_up(kind: Any, norm: float) -> None:
    model = nn.Sequential(kind(6, 3, max_norm=norm), nn.Flatten(), nn.LazyLinear(2))
    x = torch.tensor([[1, 2], [5, 1]])
    model(x)
    torch.nn.init.normal_(model[0].weight)
    twin, updates = copy.deepcopy(model), sgd(model)
    with gobhir.watch() as w:
        step(model, updates, x)
    step(twin, sgd(twin), x)
    assert torch.equal(model[0].weight, twin[0].weight)
    agreed(w)
    page = w.explain(mode="exact")
    assert "max_norm" in page.to_text("en") and page.reading.by_pytorch
    assert max(s.error or 0 for s in page.steps) < 1e-12
    table = next(t for t, n in page.reading.run.parameters.items() if n == "0.weight")
    lengths = np.linalg.norm(page.reading.run.tape.value(table)[[1, 2, 5]], axis=1)
    assert (lengths <= norm).all()

    before = copy.deepcopy(twin.state_dict())
    gobhir.explain(twin, x, None, lambda out: out.pow(2).mean())
    assert all(torch.equal(before[k], v) for k, v in twin.state_dict().items())


def test_a_buffer_that_is_written_over_after_it_was_used() -> None:
    class Drifting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 2)
            self.register_buffer("at", torch.tensor([1.0, 2.0]))

        def forward(self, x: Any) -> Any:
            z = self.inner(x) + self.at
            with torch.no_grad():
                self.at.mul_(0.5).add_(z.mean(0))
            return z * self.at.clone()

    page = gobhir.explain(
        Drifting(), torch.randn(4, 3), None, lambda z: z.pow(2).mean(), mode="exact"
    )
    given = [q.exact for q in page.reading.quantities.values() if q.given == "constant"]
    assert any(np.array_equal(v, [1.0, 2.0]) for v in given)
    assert page.reading.by_pytorch and max(s.error or 0 for s in page.steps) < 1e-12


@pytest.mark.parametrize(
    "normed",
    [
        nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.spectral_norm,
    ],
)
@pytest.mark.parametrize("sizes", [(4, 1), (3, 2)])
def test_computed_weights_in_full_and_again(normed: Any, sizes: tuple[int, int]) -> None:
    model = nn.Sequential(nn.Linear(3, sizes[0]), nn.Tanh(), normed(nn.Linear(*sizes)))
    x, updates = torch.randn(2, 3), sgd(model)
    with gobhir.watch() as w:
        step(model, updates, x)
    again = gobhir.explain(model, x, None, lambda out: out.pow(2).mean(), updates, mode="exact")
    for page in (w.explain(mode="exact", folded=False), again):
        assert page.reading.by_pytorch and page.to_markdown("bn")
        assert max(s.error or 0 for s in page.steps) < 1e-12


DRAWING = {
    "rrelu": lambda z: F.rrelu(z, training=True),
    "gumbel_softmax": lambda z: F.gumbel_softmax(z, 0.5),
    "gumbel_softmax, hard": lambda z: F.gumbel_softmax(z, hard=True),
}


@pytest.mark.parametrize("name", DRAWING)
def test_what_was_drawn_is_drawn_as_it_was(name: str) -> None:
    class Drawing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 4)

        def forward(self, x: Any) -> Any:
            torch.rand(int(x.shape[0]))
            return DRAWING[name](self.inner(x))

    model = Drawing()
    with gobhir.watch() as w:
        step(model, sgd(model))
    (lifted,) = agreed(w)
    assert not lifted.opaque
    page = w.explain(mode="exact")
    assert page.reading.by_pytorch and not page.reading.unruled
    assert max(s.error or 0 for s in page.steps) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floats(dtype: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(dtype)
    with gobhir.watch() as watch:
        step(model, torch.optim.AdamW(model.parameters()), torch.randn(4, 3).to(dtype))
    (lifted,) = steps(watch.trace)
    assert max(map(lifted.distance, lifted.step.calls)) < 1e-2
    assert notes(watch) == {"distance"}


@pytest.mark.parametrize("kind", ["SGD", "SparseAdam"])
def test_sparse_gradients(kind: str) -> None:
    model = nn.Embedding(10, 3, sparse=True)
    updates = getattr(torch.optim, kind)(model.parameters(), lr=0.1)
    with gobhir.watch() as watch:
        for _ in range(2):
            step(model, updates, torch.tensor([1, 4, 4]))
    assert len(agreed(watch)) == 2


def test_a_sparse_matrix() -> None:
    W, A = torch.randn(4, 3, requires_grad=True), torch.eye(4).to_sparse()
    with gobhir.watch() as watch:
        torch.sparse.mm(A, W).pow(2).sum().backward()
    assert {call.name for call in agreed(watch)[0].opaque} == {"_sparse_mm"}


@pytest.mark.filterwarnings("ignore")  # PyTorch moves its quantisation to another package
def test_training_for_quantisation() -> None:
    """Its ops know float32 alone, and keep empty buffers."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    model.qconfig = torch.ao.quantization.get_default_qat_qconfig("fbgemm")  # type: ignore[assignment]
    torch.ao.quantization.prepare_qat(model, inplace=True)
    updates = sgd(model)
    with gobhir.watch() as watch:
        step(model, updates)
    (found,) = agreed(watch)
    assert {call.name for call in found.opaque} == {"torch.fused_moving_avg_obs_fake_quant"}


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_tensor_inside_a_step() -> None:
    model = nn.Linear(3, 2)
    updates = sgd(model)

    def coarse(x: Any) -> Any:
        return model(torch.quantize_per_tensor(x, 0.1, 0, torch.qint8).dequantize())

    with gobhir.watch() as watch:
        step(coarse, updates)
    agreed(watch)


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_model_in_front() -> None:
    frozen = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(3, 2)), {nn.Linear})
    model = nn.Linear(2, 1)
    updates = sgd(model)
    with gobhir.watch() as watch:
        step(lambda x: model(frozen(x)), updates)
    agreed(watch)


def test_a_gradient_to_start_from_in_the_place_of_a_scalar_loss() -> None:
    model = nn.Linear(3, 2)
    with gobhir.watch() as watch:
        model(torch.randn(4, 3)).backward(torch.ones(4, 2))
    agreed(watch)


def test_lazy_modules() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(1))
    with gobhir.watch() as watch:
        model(torch.ones(1, 3))
        step(model, sgd(model))
    assert set(watch.steps[0].parameters.values()) == {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_inference_mode_beside_a_step() -> None:
    model = nn.Linear(3, 2)
    with gobhir.watch() as watch:
        with torch.inference_mode():
            t = model(torch.ones(1, 3)) * 2
            t.add_(1)
        step(model, sgd(model))
    agreed(watch)


def test_workers_load_the_data() -> None:
    model, data = nn.Linear(3, 2), TensorDataset(torch.randn(4, 3))
    with gobhir.watch() as watch:
        for (x,) in DataLoader(data, 2, num_workers=1):
            step(model, sgd(model), x)
    assert len(agreed(watch)) == 2


def test_several_optimizers_and_one_backward() -> None:
    a, b = nn.Linear(3, 3), nn.Linear(3, 1)
    with gobhir.watch() as watch:
        b(a(torch.randn(4, 3))).pow(2).sum().backward()
        sgd(a).step()
        torch.optim.Adam(b.parameters()).step()
    first, second = agreed(watch)
    assert {c.parameter.name for c in first.step.stepped.changes} == {"a.weight", "a.bias"}
    assert {c.parameter.name for c in second.step.stepped.changes} == {"b.weight", "b.bias"}


def test_an_optimizer_inside_backward() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    updates = {p: torch.optim.SGD([p], 0.1) for p in model.parameters()}

    def take(p: Any) -> None:
        updates[p].step()
        updates[p].zero_grad()

    for p in model.parameters():
        p.register_post_accumulate_grad_hook(take)
    with gobhir.watch() as watch:
        for _ in range(2):
            model(torch.randn(4, 3)).pow(2).sum().backward()
    assert len(agreed(watch)) == 8


def test_models_in_a_list_have_names_of_their_own() -> None:
    models = [nn.Linear(3, 3), nn.Linear(3, 1)]
    updates = torch.optim.SGD([p for m in models for p in m.parameters()], 0.1)
    with gobhir.watch() as watch:
        z = torch.randn(4, 3)
        for m in models:
            z = m(z)
        z.pow(2).sum().backward()
        updates.step()
    names = list(watch.steps[0].parameters.values())
    assert len(set(names)) == len(names) == 4


def test_a_running_average_of_the_model() -> None:
    model = nn.Linear(3, 2)
    updates = sgd(model)
    with gobhir.watch() as watch:
        average = copy.deepcopy(model)
        for _ in range(2):
            step(model, updates)
            with torch.no_grad():
                for p, q in zip(average.parameters(), model.parameters(), strict=True):
                    p.lerp_(q, 0.1)
    assert len(agreed(watch)) == 2
    assert set(watch.steps[1].parameters.values()) == {"weight", "bias"}


def test_leaves_written_into_through_views() -> None:
    W = torch.randn(4, 3, requires_grad=True)
    with gobhir.watch() as watch:
        with torch.no_grad():
            W[0].zero_()
            W.view(-1)[3:5].mul_(2)
        W.data[1].fill_(0.5)
        W.pow(2).sum().backward()
        with torch.no_grad():
            W -= 0.1 * W.grad
    (lifted,) = agreed(watch)
    assert lifted.optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_a_scaler_on_the_cpu() -> None:
    model = nn.Linear(3, 1)
    updates, scaler = sgd(model), torch.amp.GradScaler("cpu")
    with gobhir.watch() as watch:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(torch.randn(4, 3)).pow(2).sum()
        scaler.scale(loss).backward()
        scaler.step(updates)
        scaler.update()
    assert notes(watch) == {"autocast", "scaled", "distance"}


@pytest.mark.slow
def test_a_compiled_function_runs_eagerly_and_says_so() -> None:
    model = nn.Linear(3, 1)

    @torch.compile
    def loss_of(x: Any) -> Any:
        return model(x).pow(2).mean()

    with gobhir.watch() as watch:
        loss_of(torch.ones(2, 3)).backward()
    assert "compiled" in notes(watch)


@pytest.mark.parametrize("where", ["leaf", "activation", "module"])
def test_hooks_that_change_gradients_are_noticed(where: str) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    updates = sgd(model)
    if where == "leaf":
        model[0].weight.register_hook(lambda g: 3 * g)
    if where == "module":
        model[1].register_full_backward_hook(lambda module, gave, got: (3 * gave[0],))
    with gobhir.watch() as watch:
        h = model[1](model[0](torch.randn(4, 3)))
        if where == "activation":
            h.register_hook(lambda g: 3 * g)
        model[2](h).pow(2).sum().backward()
        updates.step()
    assert "hooked" in notes(watch)
    assert "The gradient of Linear.weight" in watch.explain().to_text("en")


def test_hooks_that_only_look_are_not() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    for part in model:
        part.register_full_backward_hook(lambda module, gave, got: None)
    with gobhir.watch() as watch:
        step(model, sgd(model))
    assert notes(watch) == {"distance"}


# -- what cannot be, and is said ----


def said(run: Callable[[], Any]) -> str:
    gobhir.use_language("en")
    try:
        with gobhir.watch() as watch:
            run()
        with pytest.raises((ValueError, RuntimeError)) as trouble:
            watch.explain()
        assert "gobhir" in str(trouble.traceback[-1].path)
        return str(trouble.value)
    finally:
        gobhir.use_language(None)


def test_meta_tensors() -> None:
    model = nn.Linear(3, 2, device="meta")
    assert "'meta'" in said(lambda: step(model, sgd(model), torch.ones(2, 3, device="meta")))


def test_complex_numbers() -> None:
    W = torch.randn(8, requires_grad=True)
    assert "Complex" in said(lambda: torch.fft.rfft(W).abs().sum().backward())


def test_a_batch_without_examples() -> None:
    model = nn.Linear(3, 2)
    assert "at least one example" in said(lambda: model(torch.ones(0, 3)).sum().backward())


def test_whole_numbers_for_a_linear_layer() -> None:
    gobhir.use_language("en")
    x = torch.ones(2, 3, dtype=torch.long)
    try:
        with pytest.raises(ValueError, match=r"x\.float\(\)"):
            gobhir.explain(nn.Linear(3, 2), x, torch.ones(2, 2), nn.MSELoss())
    finally:
        gobhir.use_language(None)
    with pytest.raises(RuntimeError, match="dtype"), gobhir.watch():
        nn.Linear(3, 2)(x)  # PyTorch's own error, as without watching


def test_numbers_too_large_for_float32() -> None:
    model = nn.Linear(3, 2)
    sentence = said(lambda: (1e30 * model(torch.ones(1, 3))).pow(2).sum().backward())
    assert "torch.Tensor.pow" in sentence and "too large" in sentence


def test_a_gradient_that_is_no_number_although_the_loss_is() -> None:
    W = torch.zeros(3, requires_grad=True)
    sentence = said(lambda: torch.where(W > 0, 0 * W.sqrt(), torch.ones(3)).sum().backward())
    assert "gradient of W" in sentence and "sqrt" in sentence


def test_a_step_in_another_thread() -> None:
    model = nn.Linear(3, 2)

    def run() -> None:
        thread = threading.Thread(target=step, args=(model, sgd(model)))
        thread.start()
        thread.join()

    assert "thread" in said(run)


def test_a_watch_that_is_all_in_another_thread() -> None:
    model, seen = nn.Linear(3, 2), []

    def run() -> None:
        with gobhir.watch() as watch:
            step(model, sgd(model))
        seen.append(watch)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(agreed(seen[0])) == 1


def test_gradients_of_torch_func() -> None:
    model = nn.Linear(3, 2)
    weights = {k: p.detach() for k, p in model.named_parameters()}

    def loss_of(weights: Any, x: Any) -> Any:
        return torch.func.functional_call(model, weights, (x,)).pow(2).mean()

    x = torch.ones(4, 3)
    assert "torch.func" in said(lambda: torch.func.grad(loss_of)(weights, x))
    each = torch.func.vmap(torch.func.grad(loss_of), (None, 0))
    assert "torch.func" in said(lambda: each(weights, x))


def test_a_functional_call_is_seen() -> None:
    model = nn.Linear(3, 2)
    with gobhir.watch() as watch:
        weights = {k: 2 * p for k, p in model.named_parameters()}
        torch.func.functional_call(model, weights, (torch.ones(4, 3),)).sum().backward()
    agreed(watch)


# -- what goes wrong in the program ----


def test_an_optimizer_that_fails_is_no_step_and_leaves_the_watch_open() -> None:
    class Failing(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            with torch.no_grad():
                self.param_groups[0]["params"][0].mul_(2)
            raise ZeroDivisionError

    model = nn.Linear(3, 2)
    with gobhir.watch() as watch:
        with pytest.raises(ZeroDivisionError):
            step(model, Failing(model.parameters(), 0.1))
        step(model, sgd(model))
    assert len(agreed(watch)) == 1


def test_a_backward_that_fails_is_forgotten() -> None:
    model = nn.Linear(3, 2)
    with gobhir.watch() as watch:
        with pytest.raises(RuntimeError, match="scalar"):
            model(torch.randn(4, 3)).backward()
        step(model, sgd(model))
    assert len(agreed(watch)) == 1


def test_an_optimizer_inside_an_optimizer_takes_one_step() -> None:
    class Around(torch.optim.Optimizer):
        def __init__(self, inner: Any) -> None:
            super().__init__(inner.param_groups, {})
            self.inner = inner

        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            self.inner.step()

    model = nn.Linear(3, 2)
    with gobhir.watch() as watch:
        step(model, Around(torch.optim.Adam(model.parameters())))
    (lifted,) = agreed(watch)
    assert type(lifted.optimizer).__name__ == "Adam"


# -- memory ----


def live_values() -> int:
    gc.collect()
    return sum(type(x) is Value for x in gc.get_objects())


@pytest.mark.slow
def test_a_long_training_is_kept_in_bounds() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 1))
    updates, counts, before = torch.optim.Adam(model.parameters()), [], live_values()
    with gobhir.watch(keep=4) as watch:
        for k in range(30):
            step(model, updates)
            if k in (9, 29):
                counts.append(live_values() - before)
    assert counts[0] == counts[1] > 0
    assert len(watch.steps) == len(watch.losses) == 30
    assert watch.explain(27).to_text("en") and watch.explain() is watch.explain(30)


def test_large_steps_are_kept_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST", 200_000)
    model = nn.Linear(100, 100)
    updates = sgd(model)
    with gobhir.watch() as watch:
        for _ in range(12):
            step(model, updates, torch.randn(4, 100))
    assert len(watch.steps) == 12
    assert sum(taken.recording is not None for taken in watch.steps._found) == 2


def test_what_happens_without_a_step_is_sifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST", 200_000)
    model = nn.Sequential(nn.Linear(30, 30), nn.ReLU(), nn.Linear(30, 1))
    updates = sgd(model)
    with gobhir.watch() as watch:
        loss = model(torch.randn(4, 30)).pow(2).mean()  # a step begins,
        for _ in range(200):  # and meanwhile the model is tried out
            model(torch.randn(4, 30))
        assert len(watch.trace.events) < 300
        loss.backward()
        updates.step()
    assert len(agreed(watch)) == 1


@pytest.mark.parametrize("explained", [False, True])
def test_a_model_lives_no_longer_than_the_program_wants(explained: bool) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    updates = torch.optim.Adam(model.parameters())
    alive = weakref.ref(model), weakref.ref(updates)
    with gobhir.watch() as watch:
        step(model, updates)
    if explained:
        watch.explain()
    del model, updates
    gc.collect()
    assert alive[0]() is None and alive[1]() is None
    assert watch.why("0.weight").to_text("en")


def test_a_variables_dict_that_the_program_asked_for_stays_as_it_is() -> None:
    x = torch.randn(4, 3)
    mine = locals()
    with gobhir.watch():
        F.relu(torch.randn(4, 3) + x)
    assert mine["x"] is x
