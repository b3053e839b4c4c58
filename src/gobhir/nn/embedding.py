"""Tables of vectors that learn: one row for every word, item or class.

What a lookup computes stands in engine/ops/embedding.py.
"""

from __future__ import annotations

from typing import Any, Self

from gobhir.engine import Tensor
from gobhir.engine.creation import empty
from gobhir.lang import say
from gobhir.nn import functional as F
from gobhir.nn import init
from gobhir.nn.functional.embedding import padding_row
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """weight: (num_embeddings, embedding_dim), normal numbers; the row padding_idx is 0."""

    padding_idx: int | None

    def _set_weight(self, given: Tensor | None, freeze: bool, device: Any, dtype: Any) -> None:
        want = (self.num_embeddings, self.embedding_dim)
        if given is None:
            made = empty(*want, device=device, dtype=dtype)
            self.weight = Parameter(made, requires_grad=not freeze)
            self.reset_parameters()
            return
        if given.shape != want:
            raise AssertionError(say("errors.embedding.given", want=want, got=given.shape))
        self.weight = Parameter(given, requires_grad=not freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.array[self.padding_idx] = 0


class Embedding(_Table):
    """Row x of the table for every whole number x. x: (...), result: (..., embedding_dim).

    padding_idx: a row of zeros that does not learn. max_norm: rows longer than this (by the norm
    `norm_type`) are cut to it when they are asked for. scale_grad_by_freq: a row's gradient is
    divided by how often it was asked for. sparse is accepted; gradients are dense here.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_row(padding_idx, num_embeddings)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self._set_weight(_weight, _freeze, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        defaults = {"padding_idx": None, "max_norm": None, "norm_type": 2}
        defaults |= {"scale_grad_by_freq": False, "sparse": False}
        changed = {k: getattr(self, k) for k, v in defaults.items() if getattr(self, k) != v}
        return ", ".join(parts + [f"{name}={value}" for name, value in changed.items()])

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A table with these rows; with freeze it does not learn."""
        if embeddings.ndim != 2:
            raise AssertionError(say("errors.embedding.table", shape=embeddings.shape))
        settings: Any = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        settings = (*embeddings.shape, *settings, embeddings, freeze)
        return cls(*settings)


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of each bag, without keeping the rows: see
    nn.functional.embedding_bag. input: (bags, numbers), or (numbers) with offsets."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_row(padding_idx, num_embeddings)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.mode, self.include_last_offset = mode, include_last_offset
        self._set_weight(_weight, False, device, dtype)

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        defaults = {"max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        changed = {k: getattr(self, k) for k, v in defaults.items() if getattr(self, k) != v}
        changed["mode"] = self.mode
        if self.padding_idx is not None:
            changed["padding_idx"] = self.padding_idx
        return ", ".join(parts + [f"{name}={value!r}" for name, value in changed.items()])

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """A table with these rows; with freeze it does not learn."""
        if embeddings.ndim != 2:
            raise AssertionError(say("errors.embedding.table", shape=embeddings.shape))
        settings: Any = (max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings)
        settings = (*embeddings.shape, *settings, include_last_offset, padding_idx)
        bag = cls(*settings)
        bag.weight.requires_grad_(not freeze)
        return bag
