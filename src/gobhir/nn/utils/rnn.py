"""Sequences of different lengths in one batch: padded to one length, or packed without padding.

A packed batch holds all first steps, then all second steps, ...; the longest sequence comes
first, so that step t is a prefix of step t - 1. Names and results:
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.creation import as_tensor
from gobhir.engine.ops.choosing import where
from gobhir.engine.ops.joining import cat
from gobhir.lang import say

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """data: (all steps of all sequences, ...). batch_sizes: how many sequences have a step t.
    sorted_indices: where each sequence stood before the longest came first; unsorted_indices: the
    way back. Made by pack_padded_sequence and pack_sequence, never by hand."""

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *wishes: Any, **named: Any) -> PackedSequence:
        """The same sequences in another dtype, or on device "cpu"."""
        return PackedSequence(self.data.to(*wishes, **named), *self[1:])

    def double(self) -> PackedSequence:
        """The same sequences as float64."""
        return self.to(np.dtype("float64"))

    def float(self) -> PackedSequence:
        """The same sequences as float32."""
        return self.to(np.dtype("float32"))

    def cpu(self) -> PackedSequence:
        """The sequences themselves: they are on the CPU."""
        return self

    @property
    def is_cuda(self) -> bool:
        """False: they are on the CPU."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The order that undoes this one."""
    return None if permutation is None else Tensor._wrap(np.argsort(permutation.array))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Take the padding out. input: (T, B, ...), or (B, T, ...) with batch_first; lengths: B whole
    numbers. enforce_sorted: the longest comes first already, else RuntimeError."""
    sizes = as_tensor(lengths).array.astype(np.int64)
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
    steps = input.transpose(0, 1) if batch_first else input
    if sizes.shape != (steps.shape[1],):
        raise RuntimeError(say("errors.rnn.lengths", batch=steps.shape[1], got=sizes.shape))
    if sizes.size and sizes.min() <= 0:
        raise RuntimeError(say("errors.rnn.length_zero", length=sizes.min()))
    if (np.diff(sizes) > 0).any():
        raise RuntimeError(say("errors.rnn.unsorted"))
    if sizes.size and sizes[0] > steps.shape[0]:
        raise RuntimeError(say("errors.rnn.length_long", length=sizes[0], steps=steps.shape[0]))
    # The True places of a mask in row-major order: all sequences with a first step, and so on.
    when, which = np.nonzero(np.arange(sizes.max(initial=0))[:, None] < sizes)
    data = steps[when, which if order is None else order[which]]
    batch_sizes = Tensor._wrap(np.bincount(when))
    return PackedSequence(data, batch_sizes, None if order is None else Tensor._wrap(order))


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded batch and the lengths: pack_padded_sequence undone. total_length: the length to
    pad to, at least the longest."""
    batch_sizes = sequence.batch_sizes.array
    total = len(batch_sizes) if total_length is None else total_length
    if total < len(batch_sizes):
        longest = len(batch_sizes)
        raise ValueError(say("errors.rnn.total_length", total=total, longest=longest))
    lengths = (np.arange(batch_sizes.max(initial=0)) < batch_sizes[:, None]).sum(0)
    rows = _rows(batch_sizes, total)
    if sequence.unsorted_indices is not None:
        back = sequence.unsorted_indices.array
        rows, lengths = rows[:, back], lengths[back]
    padded = _spread(sequence.data, rows.T if batch_first else rows, padding_value)
    return padded, Tensor._wrap(lengths)


def _rows(batch_sizes: np.ndarray, total: int) -> np.ndarray:
    """Where step t of sequence b stands in the packed data, -1 where there is none: (total, B)."""
    rows = np.full((total, batch_sizes.max(initial=0)), -1)
    starts = np.cumsum(batch_sizes) - batch_sizes
    there = np.arange(rows.shape[1]) < batch_sizes[:, None]
    rows[: len(batch_sizes)] = np.where(there, starts[:, None] + np.arange(rows.shape[1]), -1)
    return rows


def _spread(data: Tensor, rows: np.ndarray, padding_value: float) -> Tensor:
    """data[rows], and the padding value where a row is -1."""
    there = (rows >= 0).reshape(rows.shape + (1,) * (data.ndim - 1))
    found = data[np.maximum(rows, 0)]
    if there.all():
        return found
    return where(there, found, found.dtype.type(padding_value))


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (length, ...) beside one another, the shorter ones filled up: (T, B, ...), or
    (B, T, ...) with batch_first."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(say("errors.rnn.sequences", type=type(sequences).__name__))
    if padding_side not in ("left", "right"):
        raise RuntimeError(say("errors.rnn.padding_side", side=padding_side))
    given = list(sequences)
    if not given:
        raise RuntimeError(say("errors.rnn.no_sequences"))
    if any(s.shape[1:] != given[0].shape[1:] for s in given):
        shapes = [tuple(s.shape) for s in given]
        raise RuntimeError(say("errors.rnn.sequence_shapes", shapes=shapes))
    lengths = np.array([len(s) for s in given])[:, None]
    total = int(lengths.max())
    steps = np.arange(total) - (total - lengths if padding_side == "left" else 0)
    starts = np.cumsum(lengths)[:, None] - lengths
    rows = np.where((steps >= 0) & (steps < lengths), steps + starts, -1)
    if not batch_first:
        rows = rows.T
    data = cat(*given, dim=0)
    if not len(data):
        return data.reshape((*rows.shape, *data.shape[1:]))
    return _spread(data, rows, padding_value)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """Each sequence of a padded batch alone, without its padding."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(rows, lengths, strict=True)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (length, ...) packed into one batch."""
    lengths = [len(s) for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """pack_sequence undone."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
