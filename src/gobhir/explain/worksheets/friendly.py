"""Which networks have numbers that a calculator likes."""

from __future__ import annotations

import numpy as np

from gobhir.examples import Example

STEEPEST = 2.0
SMALLEST = 2e-3


def trouble(e: Example) -> float:
    """How unfriendly the numbers of this network are: 0 when every weighted sum is where its
    activation bends, no gradient vanishes beside the written digits, and no two neurons agree."""
    found = 0.0
    z, sums = e.x, []
    for part in e.model:
        z = part(z)
        if type(part).__name__ == "Linear":
            sums.append(z.detach().numpy())
    flat = np.concatenate([np.ravel(s) for s in sums])
    given = np.ravel(e.x.numpy())  # alike inputs hide which one was read
    found += given.size - len(set(np.round(given, 2).tolist()))
    found += float(np.sum(np.abs(flat) > STEEPEST)) + float(np.sum(np.abs(flat) < 0.05))
    found += flat.size - len({round(float(v), 2) for v in flat})
    value = e.loss(z, e.y)
    value.backward()
    slopes = [p.grad for p in e.model.parameters() if p.grad is not None]
    grads = np.concatenate([np.ravel(g.numpy()) for g in slopes])
    dead = bool(np.any(flat < 0)) and "ReLU" in {type(part).__name__ for part in e.model}
    zero = int(np.sum(grads == 0)) if dead else 0
    if dead:  # one dead unit is a lesson, all of them are none
        found += float(zero > grads.size / 2)
    found += float(np.sum(np.abs(grads) < SMALLEST)) - zero + float(value.item() < SMALLEST)
    for p in e.model.parameters():
        small = np.ravel(p.detach().numpy())[:6]  # alike weights hide which one was read
        found += small.size - len(set(small.tolist()))
        p.grad = None
    return found
