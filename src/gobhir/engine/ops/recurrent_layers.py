"""A recurrent layer over a whole sequence, in one op: what the steps of recurrent.py compute, in
few NumPy calls a step.

Everything inside is feature-major: (features, batch). What goes into step t stands in A[t], the
rows of h, then of x, then a row of ones, so that one matrix product gives all gates at once,
biases included. sigma(z) is tanh(z / 2) / 2 + 1 / 2; the first half is put into the weights. All
weights' gradients are one product, after the loop. For second derivatives the pullbacks go
through the steps.
Equations: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html and its kin.
"""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops import recurrent
from gobhir.engine.ops.memo import memo, remembered
from gobhir.engine.tensor import Tensor

_SEQUENCE = np.array([[[0.5]], [[-1.0]]])
"""For the ops' cards: two steps of one number."""


class Layer(Op, abstract=True):
    """x: (T, B, in). h, c, h_last, c_last: (B, hidden). h_t: (T, B, hidden). W_ih: (gates * hidden,
    in). W_hh: (gates * hidden, hidden). b_ih, b_hh: (gates * hidden) or None. With `reverse` the
    sequence is read from its end. learn_x: whether anybody wants x's gradient."""

    family = Family.RECURRENT
    result = "h_t"


def _stacked(x, h, reverse):
    """A: h_0 and all x, features by batch, with room for every later h. (T + 1, H + in + 1, B)."""
    (T, B, n), H = x.shape, h.shape[1]
    A = np.empty((T + 1, H + n + 1, B), x.dtype)
    A[0, :H] = h.T
    A[:T, H : H + n] = (x[::-1] if reverse else x).transpose(0, 2, 1)
    A[:, H + n] = 1
    return A


def _gates(count, W_ih, W_hh, b_ih, b_hh):
    """Room for the weights of all gates, and a function that puts gates into their place:
    those of h, those of x, and the biases beside one another, times `scale`."""
    H, n = W_hh.shape[1], W_ih.shape[1]
    W = np.zeros((count, H, H + n + 1), W_ih.dtype)

    def put(place, rows, scale, h=True, x=True):
        at = slice(rows.start * H, rows.stop * H)
        block = (rows.stop - rows.start, H)
        parts = [(h, W_hh, slice(0, H)), (x, W_ih, slice(H, H + n))]
        for wanted, weights, columns in parts:
            if wanted:
                np.multiply(weights[at].reshape(*block, -1), scale, out=W[place, :, columns])
        for wanted, bias in ((h, b_hh), (x, b_ih)):
            if wanted and bias is not None:
                W[place, :, -1] += bias[at].reshape(block) * scale

    return W, put


def _sequence(A, H, reverse):
    """All h but the first as (T, B, H), and the last of them."""
    out = A[1:, :H].transpose(0, 2, 1)
    return (out[::-1] if reverse else out), A[-1, :H].T.copy()


def _features_first(d, reverse):
    """The gradient of a sequence as (T, H, B), in the order in which it was computed."""
    return np.ascontiguousarray((d[::-1] if reverse else d).transpose(0, 2, 1))


def _products(D, A):
    """All steps beside one another: the gates' gradients (gates, T * B), and their product with
    all that went in, which is the gradient of weights and biases."""
    columns = D.transpose(1, 0, 2).reshape(D.shape[1], -1)
    inputs = A[:-1].transpose(1, 0, 2).reshape(A.shape[1], -1)
    return columns, columns @ inputs.T


def _input_gradient(W_ih, columns, shape, reverse):
    T, B, n = shape
    dx = (W_ih.T @ columns).reshape(n, T, B).transpose(1, 2, 0)
    return dx[::-1] if reverse else dx


class RNNLayer(Layer):
    """h_t = tanh (or relu) of W_ih x_t + b_ih + W_hh h_(t-1) + b_hh, for all t.

    Gives all h (T, B, hidden), the last, and what the pullback wants to see again.
    """

    formula = "tanh(W_ih @ x[t] + b_ih + W_hh @ h[t - 1] + b_hh)"
    example = ([_SEQUENCE, [[0.2]], *recurrent.EXAMPLE_WEIGHTS[1]], {})
    memos = 1
    results = ("h_t", "h_last")

    def forward(x, h, W_ih, W_hh, b_ih=None, b_hh=None, *, relu=False, reverse=False, learn_x=True):
        H = h.shape[1]
        W, put = _gates(1, W_ih, W_hh, b_ih, b_hh)
        put(slice(0, 1), slice(0, 1), 1)
        A = _stacked(x, h, reverse)
        for t in range(len(x)):
            h = A[t + 1, :H]
            np.matmul(W[0], A[t], out=h)
            np.maximum(h, 0, out=h) if relu else np.tanh(h, out=h)
        return *_sequence(A, H, reverse), memo(A)

    def vjps(d, out, x, h, W_ih, W_hh, b_ih=None, b_hh=None, *, relu, reverse, learn_x):
        if isinstance(x, Tensor):
            step = recurrent.relu_step if relu else recurrent.tanh_step
            return recurrent.through_steps(d, step, x, (h,), (W_ih, W_hh, b_ih, b_hh), reverse)
        A, (T, B, _), H = remembered(out[2], x.dtype), x.shape, h.shape[1]
        given, dh = _features_first(d[0], reverse), d[1].T.copy()
        D, back = np.empty((T, H, B), x.dtype), np.ascontiguousarray(W_hh.T)
        for t in reversed(range(T)):
            h = A[t + 1, :H]
            np.add(dh, given[t], out=dh)
            if relu:
                np.multiply(h > 0, dh, out=D[t])
            else:
                np.multiply(h, h, out=D[t])
                np.subtract(1, D[t], out=D[t])
                np.multiply(D[t], dh, out=D[t])
            np.matmul(back, D[t], out=dh)
        columns, dW = _products(D, A)
        dx = _input_gradient(W_ih, columns, x.shape, reverse) if learn_x else None
        return dx, dh.T, dW[:, H:-1], dW[:, :H], dW[:, -1], dW[:, -1]


class LSTMLayer(Layer):
    """All steps of an LSTM. Gives all h (T, B, hidden), the last h, the last c, and what the
    pullback wants to see again.

    Source: Hochreiter and Schmidhuber, Long short-term memory (1997); Gers et al. (2000).
    """

    formula = "o[t] * tanh(f[t] * c[t - 1] + i[t] * g[t])"
    example = ([_SEQUENCE, [[0.2]], [[-0.3]], *recurrent.EXAMPLE_WEIGHTS[4]], {})
    memos = 2
    results = ("h_t", "h_last", "c_last")

    def forward(x, h, c, W_ih, W_hh, b_ih=None, b_hh=None, *, reverse=False, learn_x=True):
        (T, B, _), H = x.shape, h.shape[1]
        W, put = _gates(4, W_ih, W_hh, b_ih, b_hh)
        put(slice(0, 2), slice(0, 2), 0.5)
        put(slice(2, 3), slice(3, 4), 0.5)
        put(slice(3, 4), slice(2, 3), 1)
        W = W.reshape(4 * H, -1)
        A = _stacked(x, h, reverse)
        # Of each step: i, f, o, g, the c before, tanh of the c after.
        Z = np.empty((T + 1, 6, H, B), x.dtype)
        Z[0, 4] = c.T
        both = np.empty((2, H, B), x.dtype)
        for t in range(T):
            z, gates = Z[t], Z[t, :4].reshape(4 * H, B)
            np.matmul(W, A[t], out=gates)
            np.tanh(gates, out=gates)
            sigmoids = z[:3]
            np.multiply(sigmoids, 0.5, out=sigmoids)
            np.add(sigmoids, 0.5, out=sigmoids)
            np.multiply(z[:2], z[3:5], out=both)
            c = Z[t + 1, 4]
            np.add(both[0], both[1], out=c)
            np.tanh(c, out=z[5])
            np.multiply(z[2], z[5], out=A[t + 1, :H])
        return *_sequence(A, H, reverse), Z[T, 4].T.copy(), memo(A), memo(Z)

    def vjps(d, out, x, h, c, W_ih, W_hh, b_ih=None, b_hh=None, *, reverse, learn_x):
        if isinstance(x, Tensor):
            weights = (W_ih, W_hh, b_ih, b_hh)
            return recurrent.through_steps(d, recurrent.lstm_step, x, (h, c), weights, reverse)
        A, Z = (remembered(kept, x.dtype) for kept in out[3:])
        (T, B, _), H = x.shape, h.shape[1]
        given = _features_first(d[0], reverse)
        dh, dc = d[1].T.copy(), d[2].T.copy()
        D, back = np.empty((T, 4, H, B), x.dtype), np.ascontiguousarray(W_hh.T)
        s = np.empty((5, H, B), x.dtype)
        for t in reversed(range(T)):
            z, dz = Z[t], D[t]
            np.add(dh, given[t], out=dh)
            # Slopes of i, f, o with what each is multiplied by: g, c, tanh(c).
            np.subtract(1, z[:3], out=s[:3])
            np.multiply(s[:3], z[:3], out=s[:3])
            np.multiply(s[:3], z[3:], out=s[:3])
            # Slopes of g and tanh(c), which are multiplied by i and o.
            np.multiply(z[3::2], z[3::2], out=s[3:])
            np.subtract(1, s[3:], out=s[3:])
            np.multiply(s[3:], z[0:3:2], out=s[3:])
            np.multiply(s[4], dh, out=s[4])
            np.add(dc, s[4], out=dc)
            np.multiply(s[:2], dc, out=dz[:2])
            np.multiply(s[3], dc, out=dz[2])
            np.multiply(s[2], dh, out=dz[3])
            np.multiply(dc, z[1], out=dc)
            np.matmul(back, dz.reshape(4 * H, B), out=dh)
        columns, dW = _products(D.reshape(T, 4 * H, B), A)
        dx = _input_gradient(W_ih, columns, x.shape, reverse) if learn_x else None
        return dx, dh.T, dc.T, dW[:, H:-1], dW[:, :H], dW[:, -1], dW[:, -1]


class GRULayer(Layer):
    """All steps of a GRU. Gives all h (T, B, hidden), the last, and what the pullback wants to
    see again.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder (2014); the
    reset gate is put after the product with W_hn, as PyTorch does.
    """

    formula = "(1 - z[t]) * n[t] + z[t] * h[t - 1]"
    example = ([_SEQUENCE, [[0.2]], *recurrent.EXAMPLE_WEIGHTS[3]], {})
    memos = 2
    results = ("h_t", "h_last")

    def forward(x, h, W_ih, W_hh, b_ih=None, b_hh=None, *, reverse=False, learn_x=True):
        (T, B, _), H = x.shape, h.shape[1]
        W, put = _gates(4, W_ih, W_hh, b_ih, b_hh)
        put(slice(0, 2), slice(0, 2), 0.5)
        put(slice(2, 3), slice(2, 3), 1, x=False)
        put(slice(3, 4), slice(2, 3), 1, h=False)
        W = W.reshape(4 * H, -1)
        A = _stacked(x, h, reverse)
        # Of each step: r, z, h's part of n, and n.
        Z, product = np.empty((T, 4, H, B), x.dtype), np.empty((H, B), x.dtype)
        for t in range(T):
            (r, z, hn, n), sigmoids = Z[t], Z[t, :2]
            np.matmul(W, A[t], out=Z[t].reshape(4 * H, B))
            np.tanh(sigmoids, out=sigmoids)
            np.multiply(sigmoids, 0.5, out=sigmoids)
            np.add(sigmoids, 0.5, out=sigmoids)
            np.multiply(r, hn, out=product)
            np.add(n, product, out=n)
            np.tanh(n, out=n)
            np.subtract(A[t, :H], n, out=product)
            np.multiply(z, product, out=product)
            np.add(n, product, out=A[t + 1, :H])
        return *_sequence(A, H, reverse), memo(A), memo(Z)

    def vjps(d, out, x, h, W_ih, W_hh, b_ih=None, b_hh=None, *, reverse, learn_x):
        if isinstance(x, Tensor):
            weights = (W_ih, W_hh, b_ih, b_hh)
            return recurrent.through_steps(d, recurrent.gru_step, x, (h,), weights, reverse)
        A, Z = (remembered(kept, x.dtype) for kept in out[2:])
        (T, B, _), H = x.shape, h.shape[1]
        given, dh = _features_first(d[0], reverse), d[1].T.copy()
        D, back = np.empty((T, 4, H, B), x.dtype), np.ascontiguousarray(W_hh.T)
        s, through = np.empty((2, H, B), x.dtype), np.empty((H, B), x.dtype)
        for t in reversed(range(T)):
            r, z, hn, n = Z[t]
            dr, dz, dhn, dn = D[t]
            np.add(dh, given[t], out=dh)
            np.subtract(A[t, :H], n, out=dz)
            np.multiply(dz, dh, out=dz)
            np.multiply(z, dh, out=through)
            np.multiply(n, n, out=dn)
            np.subtract(1, dn, out=dn)
            np.subtract(dh, through, out=dh)
            np.multiply(dn, dh, out=dn)
            np.multiply(dn, hn, out=dr)
            np.multiply(dn, r, out=dhn)
            np.subtract(1, Z[t, :2], out=s)
            np.multiply(s, Z[t, :2], out=s)
            np.multiply(D[t, :2], s, out=D[t, :2])
            np.matmul(back, D[t, :3].reshape(3 * H, B), out=dh)
            np.add(dh, through, out=dh)
        columns, dW = _products(D.reshape(T, 4 * H, B), A)
        of_x = np.concatenate([dW[: 2 * H], dW[3 * H :]])
        dx = None
        if learn_x:
            columns = np.concatenate([columns[: 2 * H], columns[3 * H :]])
            dx = _input_gradient(W_ih, columns, x.shape, reverse)
        return dx, dh.T, of_x[:, H:-1], dW[: 3 * H, :H], of_x[:, -1], dW[: 3 * H, -1]


rnn_layer = function(RNNLayer)
lstm_layer = function(LSTMLayer)
gru_layer = function(GRULayer)
