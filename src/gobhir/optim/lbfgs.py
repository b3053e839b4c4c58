"""L-BFGS: Newton's step, with the curvature guessed from the last few gradients.

Source: Nocedal and Wright, Numerical optimization (2006), algorithms 7.4 and 7.5.
For full batches: the closure must give the same loss for the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.tape import enable_grad, no_grad
from gobhir.lang import say
from gobhir.optim.line_search import Point, strong_wolfe
from gobhir.optim.optimizer import Group, Optimizer


class LBFGS(Optimizer):
    """Up to max_iter iterations in one step, each w = w + t * d, d = -H g with H the inverse
    Hessian as the last history_size steps show it.

    line_search_fn: None (t = lr) or "strong_wolfe". max_eval: how often one step may call the
    closure (max_iter * 5 // 4). It ends early when no gradient is above tolerance_grad, or when
    step or loss change by less than tolerance_change. All parameters are one group.
    """

    nonnegative = ("lr",)

    def __init__(
        self,
        params: Any,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        settings = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, settings)
        if len(self.param_groups) != 1:
            raise ValueError(say("errors.optim.one_group"))

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]  # not optional
        """Go down as far as the settings allow; returns the loss before.

        closure: computes the loss anew, with backward().
        """
        group = self.settings(self.param_groups[0])
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(say("errors.optim.line_search", name=group["line_search_fn"]))

        def evaluate() -> Any:
            with enable_grad():
                return closure()

        with no_grad(), np.errstate(all="ignore"):
            return self._descend(evaluate, group)

    def _descend(self, evaluate: Callable[[], Any], group: Group) -> Any:
        own = self.state[self.param_groups[0]["params"][0]]
        memory = {k: _plain(v) for k, v in own.items()}
        memory["func_evals"] = memory.get("func_evals", 0) + 1
        memory.setdefault("n_iter", 0)
        first_loss = evaluate()
        loss, gradient, evaluations = float(first_loss), self._gradient(), 1
        change = group["tolerance_change"]
        for iteration in range(1, group["max_iter"] + 1):
            if _largest(gradient) <= group["tolerance_grad"]:
                break
            memory["n_iter"] += 1
            _look_back(memory, gradient, group["history_size"])
            direction = memory["d"] = _direction(memory, gradient)
            memory["prev_flat_grad"], memory["prev_loss"] = gradient, loss
            t = group["lr"]
            if memory["n_iter"] == 1:
                t = min(1.0, 1.0 / np.abs(gradient).sum()) * t
            memory["t"] = t
            slope = gradient @ direction
            if slope > -change:
                break
            if group["line_search_fn"]:
                start = Point(0, loss, gradient, slope)
                most = group["max_eval"] - evaluations
                end, more = self._search(evaluate, start, t, direction, most)
                t, loss, gradient = end.t, end.loss, end.gradient
                memory["t"] = t
                self._move(t, direction)
            else:
                self._move(t, direction)
                more = int(iteration < group["max_iter"])
                if more:
                    loss, gradient = float(evaluate()), self._gradient()
            evaluations += more
            memory["func_evals"] += more
            if evaluations >= group["max_eval"]:
                break
            if _largest(direction * t) <= change or abs(loss - memory["prev_loss"]) < change:
                break
        own.update({k: _kept(v) for k, v in memory.items()})
        return first_loss

    def _search(
        self, evaluate: Callable[[], Any], start: Point, t: Any, direction: np.ndarray, most: int
    ) -> tuple[Point, int]:
        before = [p.array.copy() for p in self._all()]

        def at(t: Any) -> tuple[float, np.ndarray]:
            self._move(t, direction)
            loss, gradient = float(evaluate()), self._gradient()
            for p, w in zip(self._all(), before, strict=True):
                p.array[...] = w
                p._changed("LBFGS")
            return loss, gradient

        return strong_wolfe(at, start, t, direction, most)

    def _gradient(self) -> np.ndarray:
        """All gradients, end to end."""
        return np.concatenate(
            [
                (np.zeros_like(p.array) if p.grad is None else p.grad.array).reshape(-1)
                for p in self._all()
            ]
        )

    def _move(self, t: Any, direction: np.ndarray) -> None:
        at = 0
        for p in self._all():
            piece = direction[at : at + p.array.size].reshape(p.shape)
            p.array[...] += t * piece
            p._changed("LBFGS")
            at += p.array.size


def _look_back(memory: dict[str, Any], gradient: np.ndarray, history_size: int) -> None:
    """Remember the last step and by how much the gradient changed over it: y = H^-1 s."""
    if memory["n_iter"] == 1:
        memory |= {"old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1}
        return
    memory.setdefault("al", [None] * history_size)
    y = gradient - memory["prev_flat_grad"]
    s = memory["d"] * memory["t"]
    ys = y @ s
    if ys > 1e-10:
        for key, new in (("old_dirs", y), ("old_stps", s), ("ro", 1.0 / ys)):
            memory[key] = [*memory[key], new][-history_size:]
        memory["H_diag"] = ys / (y @ y)


def _direction(memory: dict[str, Any], gradient: np.ndarray) -> np.ndarray:
    """-H g, by two walks through the remembered steps; H itself is never there."""
    d = -gradient
    remembered = list(zip(memory["old_dirs"], memory["old_stps"], memory["ro"], strict=True))
    shares = memory.get("al", [])
    for i, (y, s, ro) in reversed([*enumerate(remembered)]):
        shares[i] = (s @ d) * ro
        d -= shares[i] * y
    d *= memory["H_diag"]
    for i, (y, s, ro) in enumerate(remembered):
        d += (shares[i] - (y @ d) * ro) * s
    return d


def _largest(x: np.ndarray) -> Any:
    return np.abs(x).max()


def _plain(value: Any) -> Any:
    """State as it is computed with: arrays and numbers."""
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.array[()] if isinstance(value, Tensor) else value


def _kept(value: Any) -> Any:
    """State as `Optimizer.state` keeps it: Tensors and Python's numbers."""
    if isinstance(value, list):
        return [_kept(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return Tensor._wrap(np.asarray(value))
    return value
