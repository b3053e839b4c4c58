"""What every network keeps to, and that each learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gobhir.projects.text.models import Layer, network, places
from gobhir.projects.text.settings import MODELS, Settings

SMALL = Settings(dims=8, heads=2, ngrams=3, max_length=12, forget=0.2, layers=2)


def made(kind: str) -> Any:
    torch.manual_seed(0)
    return network(kind, 30, 3, SMALL.of(kind)).eval()


@pytest.mark.parametrize("kind", MODELS)
def test_what_is_filled_up_changes_nothing(kind: str) -> None:
    model = made(kind)
    sentence = torch.randint(1, 30, (4, 5))
    with torch.no_grad():
        alone = model(sentence)
        filled = model(torch.nn.functional.pad(sentence, (0, 7)))
        mixed = torch.cat(
            [torch.nn.functional.pad(sentence, (0, 7)), torch.randint(1, 30, (4, 12))]
        )
        beside = model(mixed)[:4]
    assert alone.shape == (4, 3)
    torch.testing.assert_close(filled, alone)
    torch.testing.assert_close(beside, alone)


@pytest.mark.parametrize("kind", MODELS)
def test_short_and_empty_sentences_have_answers(kind: str) -> None:
    model = made(kind)
    with torch.no_grad():
        for length in (1, 2):
            one = torch.full((1, length), 7)
            torch.testing.assert_close(
                model(torch.nn.functional.pad(one, (0, 6))),
                model(torch.nn.functional.pad(one, (0, 10))),
            )
        assert torch.isfinite(model(torch.zeros(2, 12, dtype=torch.int64))).all()


@pytest.mark.parametrize("kind", MODELS)
def test_order_counts_and_the_empty_piece_stays_zero(kind: str) -> None:
    model = made(kind)
    sentence = torch.tensor([[3, 4, 5, 6, 7, 0, 0]])
    with torch.no_grad():
        assert not torch.allclose(model(sentence), model(sentence[:, [4, 1, 2, 3, 0, 5, 6]]))
    model.train()
    model(sentence).sum().backward()
    assert model.embedding.weight.grad[0].abs().sum() == 0


def test_a_bag_of_single_pieces_knows_no_order() -> None:
    bag = network("bag", 30, 2, Settings(ngrams=1, dims=8, max_length=12).of("bag")).eval()
    sentence = torch.tensor([[3, 4, 5, 6, 7]])
    with torch.no_grad():
        torch.testing.assert_close(bag(sentence), bag(sentence.flip(1)))
        sum_of = bag.embedding(sentence).sum(1) / 5**0.5
        torch.testing.assert_close(bag(sentence), bag.head(sum_of))


def test_lstm_reads_as_pytorchs_own_bidirectional_one() -> None:
    model = network("lstm", 30, 3, Settings(dims=6, heads=2, layers=1).of("lstm")).eval()
    both = torch.nn.LSTM(6, 6, batch_first=True, bidirectional=True)
    own = dict(model.forward_lstm.named_parameters())
    back = {f"{name}_reverse": p for name, p in model.backward_lstm.named_parameters()}
    both.load_state_dict({**own, **back})
    lengths = torch.tensor([5, 2])
    sentences = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 0, 0, 0]])
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        model.embedding(sentences), lengths, batch_first=True
    )
    states, _ = torch.nn.utils.rnn.pad_packed_sequence(both(packed)[0], batch_first=True)
    mean = states.sum(1) / lengths.unsqueeze(1)
    largest = torch.stack([row[:n].amax(0) for row, n in zip(states, lengths, strict=True)])
    parts = [mean[:, :6], largest[:, :6], mean[:, 6:], largest[:, 6:]]
    torch.testing.assert_close(model(sentences), model.head(torch.cat(parts, 1)))


def test_attention_is_pytorchs() -> None:
    layer = Layer(8, SMALL).eval()
    other = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True).eval()
    names = {
        "self_attn.in_proj": layer.asked,
        "self_attn.out_proj": layer.answered,
        "linear1": layer.wide,
        "linear2": layer.narrow,
        "norm1": layer.before,
        "norm2": layer.between,
    }
    state = {}
    for name, module in names.items():
        join = "_" if name.endswith("in_proj") else "."
        state |= {f"{name}{join}weight": module.weight, f"{name}{join}bias": module.bias}
    other.load_state_dict(state)
    x = torch.randn(2, 5, 8)
    there = torch.tensor([[True] * 5, [True, True, False, False, False]])
    with torch.no_grad():
        mine, theirs = layer(x, there), other(x, src_key_padding_mask=~there)
    torch.testing.assert_close(mine[there], theirs[there])


def test_places_are_those_of_the_paper() -> None:
    found = places(7, 6)
    angle = torch.tensor(5 / 10_000 ** (2 / 6))
    torch.testing.assert_close(found[5, 2:4], torch.stack([angle.sin(), angle.cos()]))
    assert places(3, 5).shape == (3, 5)
