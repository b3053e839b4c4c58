"""Four ways to read a sentence: as a bag of its pieces, through small windows, from both ends step
by step, and every piece looking at every other.

Each takes (batch, length) numbers of pieces, int64, filled up with PAD, and gives (batch, classes)
scores. What is filled up changes nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gobhir.projects.text.settings import Settings
from gobhir.projects.text.tokens import PAD, UNKNOWN

BUCKETS = 1 << 17
"""So many rows are shared by all n-grams of a bag."""
WIDTHS = (2, 3, 4)
"""Pieces in a window of the CNN."""


def network(kind: str, vocabulary: int, classes: int, settings: Settings) -> nn.Module:
    """A network of that kind: "bag", "cnn", "lstm" or "transformer"."""
    made = {"bag": Bag, "cnn": CNN, "lstm": LSTM, "transformer": Transformer}[kind]
    return made(vocabulary, classes, settings)


class Forget(nn.Module):
    """In training each piece is unknown with probability p: a sentence is to be understood from
    more than one word, and the unknown piece learns what to be. (batch, length) -> the same."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, pieces: Tensor) -> Tensor:
        if not self.training or not self.p:
            return pieces
        lost = (torch.rand(pieces.shape, device=pieces.device) < self.p) & (pieces != PAD)
        return torch.where(lost, UNKNOWN, pieces)


class Bag(nn.Module):
    """The vectors of all pieces and n-grams (runs of up to `ngrams` pieces) are added, then comes
    one linear layer. Order counts only within an n-gram. The sum is divided by the root of their
    number: between a sum, and a mean, after which long texts are as unsure as short ones.

    An n-gram's row is drawn by a hash, so that there is no table of n-grams. Source: Joulin et al.
    (2016), Bag of Tricks for Efficient Text Classification, https://arxiv.org/abs/1607.01759
    """

    def __init__(self, vocabulary: int, classes: int, settings: Settings):
        super().__init__()
        self.ngrams = settings.ngrams
        self.vocabulary = vocabulary
        more = BUCKETS if settings.ngrams > 1 else 0
        self.embedding = nn.Embedding(vocabulary + more, settings.dims, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=0.01)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(settings.dims, classes)

    def forward(self, pieces: Tensor) -> Tensor:
        found = [pieces]
        run = pieces
        for n in range(2, self.ngrams + 1):
            # One piece more at the end of each run: a number for it that hardly another run has.
            last = pieces[:, n - 1 :]
            run = (run[:, :-1] * 1_000_003 + last * 8191) % 2_147_483_647
            rows = run % BUCKETS + self.vocabulary
            found.append(torch.where(last == PAD, PAD, rows))
        rows = torch.cat(found, 1)
        there = (rows != PAD).unsqueeze(-1)
        vectors = self.embedding(rows) * there
        added = vectors.sum(1) / there.sum(1).clamp(min=1).sqrt()
        return self.head(self.dropout(added))


class CNN(nn.Module):
    """Windows of 2, 3 and 4 pieces slide over the sentence; each filter's largest answer stays.

    Source: Kim (2014), Convolutional Neural Networks for Sentence Classification,
    https://arxiv.org/abs/1408.5882
    """

    def __init__(self, vocabulary: int, classes: int, settings: Settings):
        super().__init__()
        self.forget = Forget(settings.forget)
        self.embedding = nn.Embedding(vocabulary, settings.dims, padding_idx=PAD)
        self.windows = nn.ModuleList(
            nn.Conv1d(settings.dims, settings.dims, width, padding=width - 1) for width in WIDTHS
        )
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(settings.dims * len(WIDTHS), classes)

    def forward(self, pieces: Tensor) -> Tensor:
        # PAD is a row of zeros, as what Conv1d adds at the ends: a window that ends behind the
        # sentence sees of it what is left. Windows that see nothing are left out.
        count = (pieces != PAD).sum(1, keepdim=True)
        x = self.dropout(self.embedding(self.forget(pieces))).transpose(1, 2)
        found = []
        for width, window in zip(WIDTHS, self.windows, strict=True):
            answers = torch.relu(window(x))
            end = torch.arange(answers.shape[2], device=pieces.device)
            seen = (end < count + width - 1).unsqueeze(1)
            found.append((answers * seen).amax(2))
        return self.head(self.dropout(torch.cat(found, 1)))


class LSTM(nn.Module):
    """Two LSTMs, one from the first piece on, one from the last backwards; of their states the
    mean and the largest."""

    def __init__(self, vocabulary: int, classes: int, settings: Settings):
        super().__init__()
        dims = settings.dims
        self.forget = Forget(settings.forget)
        self.embedding = nn.Embedding(vocabulary, dims, padding_idx=PAD)
        self.forward_lstm = nn.LSTM(dims, dims, settings.layers, batch_first=True)
        self.backward_lstm = nn.LSTM(dims, dims, settings.layers, batch_first=True)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(4 * dims, classes)

    def forward(self, pieces: Tensor) -> Tensor:
        there = pieces != PAD
        count = there.sum(1, keepdim=True)
        # Backwards within the sentence, so that what is filled up stays at the end and is read
        # after all else: it then changes no state of the sentence.
        place = torch.arange(pieces.shape[1], device=pieces.device).unsqueeze(0)
        back = torch.where(place < count, count - 1 - place, place)
        pieces = self.forget(pieces)
        found = []
        for lstm, read in (
            (self.forward_lstm, pieces),
            (self.backward_lstm, pieces.gather(1, back)),
        ):
            states, _ = lstm(self.dropout(self.embedding(read)))
            mask = there.unsqueeze(-1)
            found.append((states * mask).sum(1) / count.clamp(min=1))
            found.append(states.masked_fill(~mask, -1.0).amax(1))  # a state is never below -1
        return self.head(self.dropout(torch.cat(found, 1)))


class Transformer(nn.Module):
    """Vectors of pieces and of places; then layers in which each piece looks at all; their mean.

    Source: Vaswani et al. (2017), Attention Is All You Need, https://arxiv.org/abs/1706.03762
    (the encoder, normalising first: Xiong et al. 2020, https://arxiv.org/abs/2002.04745).
    """

    def __init__(self, vocabulary: int, classes: int, settings: Settings):
        super().__init__()
        dims = settings.dims
        self.forget = Forget(settings.forget)
        self.embedding = nn.Embedding(vocabulary, dims, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.register_buffer("places", places(settings.max_length, dims) * 0.1)
        self.layers = nn.ModuleList(Layer(dims, settings) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(dims)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(dims, classes)

    def forward(self, pieces: Tensor) -> Tensor:
        there = pieces != PAD
        x = self.embedding(self.forget(pieces)) + self.get_buffer("places")[: pieces.shape[1]]
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, there)
        mask = there.unsqueeze(-1)
        mean = (self.norm(x) * mask).sum(1) / mask.sum(1).clamp(min=1)
        return self.head(self.dropout(mean))


class Layer(nn.Module):
    """Attention, then two linear layers; each adds to what it was given. (batch, length, dims) ->
    the same; there: (batch, length), False for what is filled up, at which nobody looks."""

    def __init__(self, dims: int, settings: Settings):
        super().__init__()
        self.heads = settings.heads
        self.before, self.between = nn.LayerNorm(dims), nn.LayerNorm(dims)
        self.asked = nn.Linear(dims, 3 * dims)
        self.answered = nn.Linear(dims, dims)
        self.wide, self.narrow = nn.Linear(dims, 2 * dims), nn.Linear(2 * dims, dims)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        batch, length, dims = x.shape
        split = self.asked(self.before(x)).reshape(batch, length, 3, self.heads, -1)
        query, key, value = split.permute(
            2, 0, 3, 1, 4
        )  # each (batch, heads, length, dims / heads)
        scores = query @ key.transpose(-1, -2) / math.sqrt(dims / self.heads)
        # Not minus infinity: a sentence without any piece would become nan.
        scores = scores.masked_fill(~there[:, None, None, :], -1e9)
        looked = (self.dropout(scores.softmax(-1)) @ value).transpose(1, 2)
        x = x + self.dropout(self.answered(looked.reshape(batch, length, dims)))
        return x + self.dropout(self.narrow(torch.relu(self.wide(self.between(x)))))


def places(length: int, dims: int) -> Tensor:
    """(length, dims): each place as points on circles that turn more and more slowly (Vaswani et
    al. 2017, 3.5)."""
    half = torch.arange((dims + 1) // 2, dtype=torch.float32)
    speed = torch.exp(-math.log(10_000.0) * 2 * half / dims)
    angle = torch.arange(length, dtype=torch.float32).unsqueeze(1) * speed
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(length, -1)[:, :dims]
