"""A weight whose columns (or rows, if there are fewer) stay orthogonal and of length 1, whatever an
optimizer does to what it is computed from.

Sources: Lezcano-Casado, Trivializations for gradient-based optimization on manifolds (2019);
Mhammedi et al., Efficient orthogonal parametrisation of recurrent neural networks using
Householder reflections (2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir import linalg
from gobhir.engine import Tensor
from gobhir.engine.creation import eye, zeros
from gobhir.engine.ops.joining import cat
from gobhir.engine.random import randn
from gobhir.engine.tape import no_grad
from gobhir.lang import say
from gobhir.nn.module import Module
from gobhir.nn.utils.parametrize import register_parametrization

MAPS = ("matrix_exp", "cayley", "householder")


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Let the module's tensor `name`, (..., n, k), be orthogonal. Returns the module.

    orthogonal_map: "matrix_exp", e^A for A = X - X^T; "cayley", (I + A / 2) (I - A / 2)^-1;
    "householder", a product of reflections at the columns of X; None: matrix_exp for square
    matrices, else householder. use_trivialization: what X says is a turn away from where the
    weight started.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        kind = type(module).__name__
        raise ValueError(say("errors.nn.no_tensor", module=kind, name=name))
    if weight.ndim < 2:
        raise ValueError(say("errors.nn.orthogonal_dims", shape=weight.shape))
    if orthogonal_map is None:
        orthogonal_map = MAPS[0] if weight.shape[-2] == weight.shape[-1] else MAPS[2]
    if orthogonal_map not in MAPS:
        known = ", ".join(MAPS)
        raise ValueError(say("errors.nn.orthogonal_map", got=orthogonal_map, known=known))
    turning = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return register_parametrization(module, name, turning, unsafe=True)


class _Orthogonal(Module):
    """X -> orthogonal weight. `base`: where it started, with use_trivialization."""

    base: Any

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool = True):
        super().__init__()
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Any) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        q = _reflected(x) if self.orthogonal_map == "householder" else self._turned(x)
        q = self.base @ q if self.use_trivialization else q
        return q.mT if wide else q

    def _turned(self, x: Any) -> Any:
        n, k = x.shape[-2:]
        x = x.tril()
        if n != k:
            x = cat(x, zeros(*x.shape[:-2], n, n - k, dtype=x.dtype), dim=x.ndim - 1)
        a = x - x.mT
        if self.orthogonal_map == "matrix_exp":
            q = linalg.matrix_exp(a)
        else:
            one = eye(n, dtype=x.dtype)
            q = linalg.solve(one - 0.5 * a, one + 0.5 * a)
        return q[..., :k]

    @no_grad()
    def right_inverse(self, weight: Any) -> Any:
        """An X that leads to this weight, or to the orthogonal one of its QR decomposition."""
        if weight.shape != self.shape:
            shapes = {"got": weight.shape, "want": self.shape}
            raise ValueError(say("errors.nn.orthogonal_shape", **shapes))
        wide = weight.shape[-2] < weight.shape[-1]
        q = weight.mT if wide else weight
        n, k = q.shape[-2:]
        if not self.use_trivialization:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(say("errors.nn.orthogonal_assign"))
            reflectors, tau = np.linalg.qr(q.array, mode="raw")
            x = np.swapaxes(reflectors, -1, -2).copy()
            at = np.arange(k)
            sign = np.sign(x[..., at, at])
            x[..., at, at] = np.where(tau == 0, -sign, sign)
            return Tensor._wrap(x.swapaxes(-1, -2) if wide else x)
        if n != k:
            more = randn(*q.shape[:-2], n, n - k, dtype=q.dtype)
            q = _nearest(cat(q, more, dim=q.ndim - 1))
        elif _is_orthogonal(q.array):
            q = q.clone()
        else:
            q = _nearest(q)
        self.base = q
        # X = -I leads to no turn at all, by each of the maps.
        return Tensor._wrap(
            np.broadcast_to(-np.eye(*weight.shape[-2:]), weight.shape).astype(weight.dtype)
        )


def _reflected(x: Any) -> Any:
    """The product of the reflections at the columns of x, each with a 1 on the diagonal and
    nothing above it; the diagonal of x itself, 1 and -1, turns columns round."""
    n, k = x.shape[-2:]
    one = eye(n, k, dtype=x.dtype)
    mirrors = x.tril(-1) + one
    q: Any = one.expand(x.shape)
    for i in reversed(range(k)):
        v = mirrors[..., i : i + 1]
        q = q - (2.0 / (v * v).sum(-2, keepdim=True)) * (v @ (v.mT @ q))
    return q * x.detach().diagonal(0, -2, -1).int().unsqueeze(-2)


def _nearest(a: Tensor) -> Tensor:
    """Q of the QR decomposition whose R has a positive diagonal."""
    q, r = np.linalg.qr(a.array)
    return Tensor._wrap(q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :])


def _is_orthogonal(q: np.ndarray) -> bool:
    k = q.shape[-1]
    near = 10 * k * float(np.finfo(q.dtype).eps)
    return bool(np.allclose(np.swapaxes(q, -1, -2) @ q, np.eye(k, dtype=q.dtype), atol=near))
