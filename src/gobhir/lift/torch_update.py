"""An optimizer's step on one parameter, by PyTorch's optimizer of the same name, in float64."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from gobhir.engine import Update


def updated(u: Update) -> dict[str, np.ndarray]:
    """What the parameter and the optimizer's state are after the step, by their
    names in the rule. Empty where PyTorch has no such optimizer, or one that takes other words."""
    import torch

    own = type(u.optimizer)
    named_alike = own.__module__.startswith("gobhir.optim")  # Keras's Adam has a rule of its own
    kind = getattr(torch.optim, own.__name__, None) if named_alike else None
    if kind is None or not u.rule:
        return {}
    w = torch.tensor(np.array(u.before["w"]), dtype=torch.float64, requires_grad=True)
    w.grad = torch.tensor(np.array(u.grad), dtype=torch.float64).reshape(w.shape)
    optimizer = kind([w], **_settings(u, kind))
    state = {}
    for word, key in u.optimizer.names.items():
        if word in u.before:
            kept = torch.tensor(np.array(u.before[word]), dtype=torch.float64)
            state[key] = kept.ravel()[0] if key in u.optimizer.shared else kept
    t = u.hyper.get("t", 2)  # where no formula asks for it, any later step
    if t > 1 and any(kept.any() for kept in state.values()):
        optimizer.state[w].update(state | {"step": torch.tensor(float(t - 1))})
    optimizer.step()
    after = {"w": w.detach().numpy()}
    for word, key in u.optimizer.names.items():
        value = optimizer.state[w].get(key)
        if isinstance(value, torch.Tensor):
            after[word] = value.detach().numpy()
    return after


def _settings(u: Update, kind: Any) -> dict[str, Any]:
    """The group's settings as they were in this step, as far as PyTorch's optimizer takes them."""
    groups = u.optimizer.param_groups
    group = next(g for g in groups if any(p is u.parameter for p in g["params"]))
    taken = inspect.signature(kind).parameters
    settings = u.optimizer.settings(group) | {k: v for k, v in u.hyper.items() if k in group}
    return {k: v for k, v in settings.items() if k in taken and k not in ("params", "foreach")}
