"""One step of a recurrent network: from what comes in and what is remembered to what will be.

These are the equations of the textbook; whole layers in one op stand in recurrent_layers.py, with
these steps as their oracle. Everything is (batch, features). A gate's rows in the weights come in
PyTorch's order.
Equations: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html and its kin.
"""

import numpy as np

from gobhir.engine.apply import apply
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.activations import Sigmoid, tanh
from gobhir.engine.ops.choosing import where
from gobhir.engine.ops.joining import cat, stack
from gobhir.engine.ops.shapes import clone

_W_IH, _W_HH = np.array([[0.4], [-0.2], [0.7], [0.1]]), np.array([[0.5], [0.3], [-0.6], [0.2]])
EXAMPLE_WEIGHTS = {gates: [_W_IH[:gates], _W_HH[:gates], None, None] for gates in (1, 3, 4)}
"""For the ops' cards: one number comes in and one is remembered."""


class Step(Op, abstract=True):
    """x: (B, in). h, c, h_new, c_new: (B, hidden). W_ih: (gates * hidden, in). W_hh: (gates *
    hidden, hidden). b_ih, b_hh: (gates * hidden) or None."""

    family = Family.RECURRENT
    result = "h_new"
    gates: dict[str, str] = {}
    """The formulas of the names that `formula` is written in, in the order of the weights."""
    peculiar: tuple[str, ...] = ()
    """What is other than textbooks have it, in one word each."""


def _heard(x, W, b):
    z = x @ W.T
    return z if b is None else z + b


def _split(a, count):
    """(B, count * hidden) as `count` arrays (B, hidden)."""
    H = a.shape[1] // count
    return [a[:, k * H : (k + 1) * H] for k in range(count)]


def _passed(d, x, W):
    """What the gradient d of x @ W.T + b says about x, W and b."""
    return d @ W, d.T @ x, d.sum(0)


class RNNStep(Step):
    """h_new = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it."""

    formula = "max(0, a) if relu else tanh(a)"
    gates = {"a": "W_ih @ x + b_ih + W_hh @ h + b_hh"}
    example = ([[[0.5]], [[0.2]], *EXAMPLE_WEIGHTS[1]], {})

    def forward(x, h, W_ih, W_hh, b_ih=None, b_hh=None, *, relu=False):
        z = _heard(x, W_ih, b_ih) + _heard(h, W_hh, b_hh)
        return np.maximum(z, 0) if relu else np.tanh(z)

    def vjps(d, h_new, x, h, W_ih, W_hh, b_ih=None, b_hh=None, *, relu):
        dz = where(h_new > 0, d, 0.0) if relu else d * (1 - h_new * h_new)
        (dx, dW_ih, db), (dh, dW_hh, _) = _passed(dz, x, W_ih), _passed(dz, h, W_hh)
        return dx, dh, dW_ih, dW_hh, db, db


class LSTMStep(Step):
    """c_new = f c + i g, h_new = o tanh(c_new): the forget gate f says how much of the cell stays,
    the input gate i how much of the candidate g comes in, the output gate o how much is shown.

    Gives h_new, c_new and the four gates. Source: Hochreiter and Schmidhuber (1997).
    """

    formula = "o * tanh(f * c + i * g)"
    results = ("h_new", "c_new")
    memos = 1
    gates = {
        "i": "sigmoid(W_ii @ x + b_ii + W_hi @ h + b_hi)",
        "f": "sigmoid(W_if @ x + b_if + W_hf @ h + b_hf)",
        "g": "tanh(W_ig @ x + b_ig + W_hg @ h + b_hg)",
        "o": "sigmoid(W_io @ x + b_io + W_ho @ h + b_ho)",
    }
    example = ([[[0.5]], [[0.2]], [[-0.3]], *EXAMPLE_WEIGHTS[4]], {})

    def forward(x, h, c, W_ih, W_hh, b_ih=None, b_hh=None):
        a = _heard(x, W_ih, b_ih) + _heard(h, W_hh, b_hh)
        i, f, g, o = _split(a, 4)
        i[...], f[...], g[...] = Sigmoid.forward(i), Sigmoid.forward(f), np.tanh(g)
        o[...] = Sigmoid.forward(o)
        c_new = f * c + i * g
        return o * np.tanh(c_new), c_new, a

    def vjps(d, out, x, h, c, W_ih, W_hh, b_ih=None, b_hh=None):
        (dh, dc, da), (_, c_new, a) = d, out
        (i, f, g, o), (di, df, dg, do) = _split(a, 4), _split(da, 4)
        shown = tanh(c_new)
        dc = dc + dh * o * (1 - shown * shown)
        dz = cat(
            (di + dc * g) * i * (1 - i),
            (df + dc * c) * f * (1 - f),
            (dg + dc * i) * (1 - g * g),
            (do + dh * shown) * o * (1 - o),
            dim=1,
        )
        (dx, dW_ih, db), (dh, dW_hh, _) = _passed(dz, x, W_ih), _passed(dz, h, W_hh)
        return dx, dh, dc * f, dW_ih, dW_hh, db, db


class GRUStep(Step):
    """h_new = (1 - z) n + z h: the update gate z says how much stays, the reset gate r how much
    of the past the candidate n looks at.

    Gives h_new, and r, z, n with h's part of n side by side. Source: Cho et al. (2014).
    """

    formula = "(1 - z) * n + z * h"
    memos = 1
    gates = {
        "r": "sigmoid(W_ir @ x + b_ir + W_hr @ h + b_hr)",
        "z": "sigmoid(W_iz @ x + b_iz + W_hz @ h + b_hz)",
        "n": "tanh(W_in @ x + b_in + r * (W_hn @ h + b_hn))",
    }
    example = ([[[0.5]], [[0.2]], *EXAMPLE_WEIGHTS[3]], {})

    def forward(x, h, W_ih, W_hh, b_ih=None, b_hh=None):
        of_x, of_h = _split(_heard(x, W_ih, b_ih), 3), _split(_heard(h, W_hh, b_hh), 3)
        r, z = (Sigmoid.forward(of_x[k] + of_h[k]) for k in (0, 1))
        n = np.tanh(of_x[2] + r * of_h[2])
        return n + z * (h - n), np.concatenate([r, z, n, of_h[2]], axis=1)

    def vjps(d, out, x, h, W_ih, W_hh, b_ih=None, b_hh=None):
        dh = d[0]
        (dr, dz, dn, dhn), (r, z, n, hn) = _split(d[1], 4), _split(out[1], 4)
        dn = (dn + dh * (1 - z)) * (1 - n * n)
        dr = (dr + dn * hn) * r * (1 - r)
        dz = (dz + dh * (h - n)) * z * (1 - z)
        dx, dW_ih, db_ih = _passed(cat(dr, dz, dn, dim=1), x, W_ih)
        dh_before, dW_hh, db_hh = _passed(cat(dr, dz, dhn + dn * r, dim=1), h, W_hh)
        return dx, dh_before + dh * z, dW_ih, dW_hh, db_ih, db_hh


# One step of each kind, called alike by `walk`: x and the states before it give the states after
# it, h first.


def tanh_step(x, h, W_ih, W_hh, b_ih, b_hh):
    return (apply(RNNStep, x, h, W_ih, W_hh, b_ih, b_hh),)


def relu_step(x, h, W_ih, W_hh, b_ih, b_hh):
    return (apply(RNNStep, x, h, W_ih, W_hh, b_ih, b_hh, relu=True),)


def lstm_step(x, h, c, W_ih, W_hh, b_ih, b_hh):
    return apply(LSTMStep, x, h, c, W_ih, W_hh, b_ih, b_hh)[:2]


def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    return apply(GRUStep, x, h, W_ih, W_hh, b_ih, b_hh)[:1]


def walk(step, x, states, weights, reverse=False):
    """The layer as steps, one after the other: all h (T, B, hidden), then the last states."""
    T, shown = x.shape[0], []
    for t in reversed(range(T)) if reverse else range(T):
        states = step(x[t], *states, *weights)
        shown.append(states[0])
    return stack(*(reversed(shown) if reverse else shown), dim=0), *states


def walk_packed(step, x, states, weights, sizes, reverse=False):
    """`walk` over packed sequences: at step t the first sizes[t] of them are still there. x: (all
    steps, in). Gives all h in the same order, and each sequence's last states."""
    starts = [sum(sizes[:t]) for t in range(len(sizes))]
    initial, done, shown, count = states, [], [], 0 if reverse else sizes[0]
    states = [s[:count] for s in states]
    for t in reversed(range(len(sizes))) if reverse else range(len(sizes)):
        if sizes[t] > count:  # read backwards, sequences set in
            fresh = zip(states, initial, strict=True)
            states = [cat(s, new[count : sizes[t]], dim=0) for s, new in fresh]
        elif sizes[t] < count:  # read forwards, sequences end
            done.append([s[sizes[t] :] for s in states])
            states = [s[: sizes[t]] for s in states]
        count = sizes[t]
        states = step(x[starts[t] : starts[t] + count], *states, *weights)
        shown.append(states[0])
    last = [cat(*parts, dim=0) for parts in zip(states, *reversed(done), strict=True)]
    return cat(*(reversed(shown) if reverse else shown), dim=0), *last


def through_steps(d, step, x, states, weights, reverse):
    """The gradients of a whole layer as Tensors that can be differentiated again: those of the
    same layer taken step by step. d: gradients of all h and of the last states."""
    from gobhir.engine.backward import grad

    # Copies, because the same tensor may stand in two places.
    inputs = [None if t is None else clone(t) for t in (x, *states, *weights)]
    k = 1 + len(states)
    results = walk(step, inputs[0], inputs[1:k], inputs[k:], reverse)
    wanted = [t for t in inputs if t is not None and t.requires_grad]
    found = iter(grad(results, wanted, d[: len(results)], create_graph=True, allow_unused=True))
    return tuple(next(found) if t is not None and t.requires_grad else None for t in inputs)
