"""The Transformer: layers of attention and of two products, with shortcuts around each.

Source: Vaswani et al., Attention is all you need (2017), figure 1. norm_first puts each
normalisation in front of what it normalises for (Xiong et al., 2020).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.drawing import marked
from gobhir.engine.dtypes import default_dtype
from gobhir.lang import say
from gobhir.nn import functional as F
from gobhir.nn import init
from gobhir.nn.attention import MultiheadAttention
from gobhir.nn.container import ModuleList
from gobhir.nn.dropout import Dropout
from gobhir.nn.functional.attention import canonical_mask, causal_mask
from gobhir.nn.linear import Linear
from gobhir.nn.module import Module
from gobhir.nn.normalisation import LayerNorm

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

Activation = str | Callable[[Tensor], Tensor]


def _activation(wish: Activation) -> Callable[[Tensor], Tensor]:
    if not isinstance(wish, str):
        return wish
    if wish not in ("relu", "gelu"):
        raise RuntimeError(say("errors.attention.activation", name=wish))
    return getattr(F, wish)


class _Layer(Module):
    """Attentions, then two products with an activation between them: blocks of which each ends in
    a dropout and is added to what went into it, with a normalisation after that, or before."""

    attentions: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        made = {"device": device, "dtype": dtype}
        super().__init__()
        for name in self.attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, **made
            )
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **made)
        self.norm_first = norm_first
        blocks = range(1, len(self.attentions) + 2)
        for i in blocks:
            self.add_module(f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **made))
        for i in blocks:
            self.add_module(f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation)

    def _sa_block(self, x: Tensor, mask: Any, padding: Any, is_causal: bool) -> Tensor:
        options = {"attn_mask": mask, "key_padding_mask": padding, "is_causal": is_causal}
        return self.dropout1(self.self_attn(x, x, x, need_weights=False, **options)[0])

    def _ff_block(self, x: Tensor) -> Tensor:
        z = self.linear2(self.dropout(self.activation(self.linear1(x))))
        last = self.dropout2 if len(self.attentions) == 1 else self.dropout3
        return last(z)


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then two products with an activation between them.

    src: (T, N, d_model), (N, T, d_model) with batch_first, or (T, d_model). Masks as for
    MultiheadAttention.
    """

    attentions = ("self_attn",)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        padding = canonical_mask(src_key_padding_mask, "src_key_padding_mask", src_mask, src.dtype)
        mask = canonical_mask(src_mask, "src_mask", None, src.dtype)
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), mask, padding, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, mask, padding, is_causal))
        return self.norm2(x + self._ff_block(x))


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, then to what the encoder made of another sequence
    (`memory`), then two products with an activation between them."""

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = (memory_mask, memory_key_padding_mask, memory_is_causal)
        x = tgt
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), memory, *other)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, memory, *other))
        return self.norm3(x + self._ff_block(x))

    def _mha_block(
        self, x: Tensor, memory: Tensor, mask: Any, padding: Any, is_causal: bool
    ) -> Tensor:
        options = {"attn_mask": mask, "key_padding_mask": padding, "is_causal": is_causal}
        return self.dropout2(
            self.multihead_attn(x, memory, memory, need_weights=False, **options)[0]
        )


class TransformerEncoder(Module):
    """num_layers copies of an encoder layer over one another, and a normalisation at the end.

    enable_nested_tensor and mask_check are accepted; there are no nested tensors here.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        padding = canonical_mask(src_key_padding_mask, "src_key_padding_mask", mask, src.dtype)
        mask = canonical_mask(mask, "mask", None, src.dtype)
        causal = _is_causal(mask, is_causal)
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(Module):
    """num_layers copies of a decoder layer over one another, and a normalisation at the end."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        options = {
            "tgt_mask": tgt_mask,
            "memory_mask": memory_mask,
            "tgt_key_padding_mask": tgt_key_padding_mask,
            "memory_key_padding_mask": memory_key_padding_mask,
            "tgt_is_causal": _is_causal(tgt_mask, tgt_is_causal),
            "memory_is_causal": memory_is_causal,
        }
        x = tgt
        for layer in self.layers:
            x = layer(x, memory, **options)
        return x if self.norm is None else self.norm(x)


def _is_causal(mask: Tensor | None, given: bool | None) -> bool:
    """What the caller says; else whether the mask is the causal one."""
    if given is not None or mask is None or mask.dtype.kind != "f":
        return given is True
    n = mask.shape[-1]
    return mask.shape == (n, n) and bool((mask.array == causal_mask(n, n, mask.dtype).array).all())


class Transformer(Module):
    """An encoder that reads src, and a decoder that reads tgt and what the encoder gave.

    src: (S, N, d_model), tgt: (T, N, d_model), result (T, N, d_model); N comes first with
    batch_first, and may be left out.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        settings: Any = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        settings = (*settings, batch_first, norm_first, bias)
        if custom_encoder is None:
            layer: Module = TransformerEncoderLayer(*settings, **made)
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm)
        self.encoder: Any = custom_encoder
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*settings, **made)
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm)
        self.decoder: Any = custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        at = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[at] != tgt.shape[at]:
            sizes = {"src": src.shape, "tgt": tgt.shape}
            raise RuntimeError(say("errors.attention.batches", **sizes))
        for x in (src, tgt):
            if x.shape[-1] != self.d_model:
                drawn = marked(x.shape, -1)
                raise RuntimeError(say("errors.attention.features", want=self.d_model, shape=drawn))
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal,
            memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """0 where a position may look (itself and what is before), -inf where not: (sz, sz)."""
        return causal_mask(sz, sz, np.dtype(dtype or default_dtype()))
