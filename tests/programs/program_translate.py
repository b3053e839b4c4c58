# Sentences of many lengths: a collate of one's own, packing, attention over what was read.
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler, random_split

torch.manual_seed(8)
random.seed(8)
PAD, BEGIN, END = 0, 1, 2


class Sentences(Dataset):
    """Numbers, and the same numbers backwards."""

    def __init__(self, count):
        self.pairs = []
        for _ in range(count):
            words = [random.randint(3, 9) for _ in range(random.randint(2, 5))]
            self.pairs.append((words, words[::-1] + [END]))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        source, target = self.pairs[i]
        return torch.tensor(source), torch.tensor(target)


def together(batch):
    sources, targets = zip(*batch, strict=True)
    lengths = torch.tensor([len(s) for s in sources])
    return pad_sequence(sources, batch_first=True), lengths, pad_sequence(targets, True, PAD)


train, test = random_split(Sentences(30), [24, 6], generator=torch.Generator().manual_seed(1))
loader = DataLoader(train, batch_size=7, shuffle=True, collate_fn=together)
print(len(loader), len(test), train.indices[:5])


class Reader(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.words = nn.Embedding(10, width, padding_idx=PAD)
        self.gru = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * width, width)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(
            self.words(x), lengths, batch_first=True, enforce_sorted=False
        )
        out, h = self.gru(packed)
        out, again = pad_packed_sequence(out, batch_first=True)
        assert (again == lengths).all()
        return self.bridge(out), torch.tanh(self.bridge(torch.cat((h[-2], h[-1]), dim=1)))


class Speaker(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.words, self.cell = nn.Embedding(10, width), nn.GRUCell(2 * width, width)
        self.query, self.key = (
            nn.Linear(width, width, bias=False),
            nn.Linear(width, width, bias=False),
        )
        self.score, self.out = nn.Linear(width, 1, bias=False), nn.Linear(2 * width, 10)

    def forward(self, word, h, read, lengths):
        e = self.score(torch.tanh(self.query(h).unsqueeze(1) + self.key(read))).squeeze(-1)
        gone = torch.arange(read.size(1), device=e.device)[None, :] >= lengths[:, None]
        weights = F.softmax(e.masked_fill(gone, -1e6), dim=-1)
        context = torch.bmm(weights.unsqueeze(1), read).squeeze(1)
        h = self.cell(torch.cat((self.words(word), context), dim=-1), h)
        return F.log_softmax(self.out(torch.cat((h, context), -1)), dim=-1), h, weights


reader, speaker = Reader(12), Speaker(12)
first = torch.optim.Adam(reader.parameters(), lr=2e-2)
second = torch.optim.Adam(speaker.parameters(), lr=2e-2)
criterion = nn.NLLLoss(ignore_index=PAD)
for epoch in range(4):
    total = 0.0
    for source, lengths, target in loader:
        read, h = reader(source, lengths)
        word, loss, forced = torch.full((len(source),), BEGIN), 0, random.random() < 0.6
        for t in range(target.size(1)):
            scores, h, weights = speaker(word, h, read, lengths)
            loss = loss + criterion(scores, target[:, t]) if (target[:, t] != PAD).any() else loss
            word = target[:, t] if forced else scores.topk(1)[1].squeeze(1).detach()
        first.zero_grad()
        second.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*reader.parameters(), *speaker.parameters()], 1.0)
        first.step()
        second.step()
        total += loss.item() / target.size(1)
    print(epoch, total / len(loader), weights[0])
print(reader.words.weight[PAD], reader.words.weight.grad[PAD].abs().sum(), reader)
with torch.no_grad():
    for source, target in list(test)[:2]:
        read, h = reader(source[None], torch.tensor([len(source)]))
        word, said = torch.tensor([BEGIN]), []
        while len(said) < 3 and word.item() != END:
            scores, h, _ = speaker(word, h, read, torch.tensor([len(source)]))
            word = scores.argmax(1)
            said.append(word.item())
        print(source.tolist(), target.tolist(), len(said) > 0)
chosen = WeightedRandomSampler([1.0 if i % 2 else 3.0 for i in range(24)], 8)
for source, lengths, _ in DataLoader(train, batch_size=4, sampler=chosen, collate_fn=together):
    print(source, lengths)
