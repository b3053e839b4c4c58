"""Attention in several heads, with the products around it.

What attention computes stands in engine/ops/attention.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.creation import empty
from gobhir.lang import say
from gobhir.nn import init
from gobhir.nn.functional.attention import attend_in_heads
from gobhir.nn.linear import Linear
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """Linear, under the name with which PyTorch prints the last product of its attention."""


class MultiheadAttention(Module):
    """Queries, keys and values are projected, cut into `num_heads` parts, attended to part by
    part, put together and projected once more.

    query: (L, N, embed_dim), key: (S, N, kdim), value: (S, N, vdim); the batch N comes first with
    batch_first, and may be left out. in_proj_weight: (3 * embed_dim, embed_dim), for queries, keys
    and values; with a kdim or vdim of its own q_proj_weight, k_proj_weight, v_proj_weight.

    Gives the output, of the query's shape, and with need_weights who looked where: (N, L, S), or
    (N, num_heads, L, S) with average_attn_weights=False. In masks True means "not to be seen";
    numbers are added to the scores. key_padding_mask: (N, S). attn_mask: (L, S) or
    (N * num_heads, L, S). is_causal: a hint that attn_mask is the causal one.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(say("errors.attention.sizes", features=embed_dim, heads=num_heads))
        super().__init__()
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError(say("errors.attention.heads", features=embed_dim, heads=num_heads))
        made = {"device": device, "dtype": dtype}
        names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        if self._qkv_same_embed_dim:
            self.in_proj_weight: Any = Parameter(empty(3 * embed_dim, embed_dim, **made))
            for name in names:
                self.register_parameter(name, None)
        else:
            for name, size in zip(names, (embed_dim, self.kdim, self.vdim), strict=True):
                self.register_parameter(name, Parameter(empty(embed_dim, size, **made)))
            self.register_parameter("in_proj_weight", None)
        self.in_proj_bias: Any = Parameter(empty(3 * embed_dim, **made)) if bias else None
        if not bias:
            self.register_parameter("in_proj_bias", None)
        self.out_proj: Any = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, **made)
        self.bias_k: Any = Parameter(empty(1, 1, embed_dim, **made)) if add_bias_kv else None
        self.bias_v: Any = Parameter(empty(1, 1, embed_dim, **made)) if add_bias_kv else None
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in self._in_weights():
            init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        if self.bias_k is not None:
            init.xavier_normal_(self.bias_k)
            init.xavier_normal_(self.bias_v)

    def _in_weights(self) -> tuple[Any, ...]:
        if self._qkv_same_embed_dim:
            return (self.in_proj_weight,)
        return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        weights = self._in_weights()
        return attend_in_heads(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            weights[0] if len(weights) == 1 else weights,
            self.in_proj_bias,
            (self.bias_k, self.bias_v),
            self.add_zero_attn,
            self.dropout if self.training else 0.0,
            (self.out_proj.weight, self.out_proj.bias),
            key_padding_mask,
            need_weights,
            attn_mask,
            (None, None),
            average_attn_weights,
            is_causal,
            self.batch_first,
        )


class SDPBackend(Enum):
    """The ways in which PyTorch can compute attention. Here there is one."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: Any, set_priority: bool = False) -> Iterator[None]:
    """A context in which attention is computed as it always is: all of PyTorch's ways give the same
    numbers. TypeError for what names none of them."""
    several = backends if isinstance(backends, (list, tuple)) else [backends]
    if not several or not all(isinstance(b, SDPBackend) for b in several):
        raise TypeError(say("errors.attention.backends", got=backends))
    yield
