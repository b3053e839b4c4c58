"""A softmax over very many classes, most of them rare: the frequent ones first, then clusters.

Source: Grave et al., Efficient softmax approximation for GPUs (2017). Behaviour:
https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.ops.joining import cat
from gobhir.lang import say
from gobhir.nn import functional as F
from gobhir.nn.container import ModuleList, Sequential
from gobhir.nn.linear import Linear
from gobhir.nn.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class ASMoutput(NamedTuple):
    """The log-probability of each target, and minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """The head scores the classes below cutoffs[0] and one entry for each cluster of the others;
    cluster i, the classes from cutoffs[i] to the next cutoff, is scored by tail[i] through
    in_features / div_value**(i + 1) features. Classes are numbered from the most frequent one.

    forward(input, target): input (N, in_features), target (N), or one example without N.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        given = list(cutoffs)
        whole = all(int(c) == c for c in given)
        rising = given == sorted(set(given))
        if not given or not whole or not rising or given[0] <= 0 or given[-1] > n_classes - 1:
            raise ValueError(say("errors.loss.cutoffs", cutoffs=given, last=n_classes - 1))
        self.in_features, self.n_classes = in_features, n_classes
        self.cutoffs = [*given, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = given[0], len(given)
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            features = int(in_features // div_value ** (i + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, features, bias=False, **made),
                    Linear(features, high - low, bias=False, **made),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for layer in (self.head, *(part for both in self.tail for part in both)):
            layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> ASMoutput:
        shapes = {"x": input_.shape, "y": target_.shape}
        if target_.ndim > 1 or input_.ndim != target_.ndim + 1:
            raise RuntimeError(say("errors.loss.adaptive_shape", **shapes))
        if target_.ndim and input_.shape[0] != target_.shape[0]:
            raise RuntimeError(say("errors.loss.adaptive_shape", **shapes))
        input, target = (input_, target_) if target_.ndim else (input_[None], target_[None])
        labels = target.array
        wrong = labels[(labels < 0) | (labels >= self.n_classes)]
        if wrong.size:
            values = {"label": wrong[0], "last": self.n_classes - 1, "classes": self.n_classes}
            raise RuntimeError(say("errors.loss.label", **values))
        head = F.log_softmax(self.head(input), 1)
        rows = np.arange(len(labels))
        cluster = np.searchsorted(self.cutoffs, labels, "right")
        entry = np.where(cluster == 0, labels, self.shortlist_size + cluster - 1)
        output: Any = head[rows, entry]
        for i in range(self.n_clusters):
            (here,) = np.nonzero(cluster == i + 1)
            if here.size:
                scores = F.log_softmax(self.tail[i](input[here]), 1)
                inside = scores[np.arange(here.size), labels[here] - self.cutoffs[i]]
                output = output.index_add(0, Tensor._wrap(here), inside)
        loss = (-output).mean()
        return ASMoutput(output if target_.ndim else output.squeeze(0), loss)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) to (N, n_classes)."""
        head: Any = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            entry = self.shortlist_size + i
            parts.append(F.log_softmax(tail(input), 1) + head[:, entry : entry + 1])
        return cat(*parts, dim=1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each example: (N, in_features) to (N)."""
        scores: Any = self.head(input)
        best = scores.argmax(dim=1)
        if bool((best >= self.shortlist_size).any()):
            best = self.log_prob(input).argmax(dim=1)
        return best
