"""Sentences of several lengths: a collate function, packing, the last state of an LSTM."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(0)
sentences = [(torch.randint(1, 12, (n,)), n % 2) for n in (5, 3, 6, 2, 4, 5, 1, 3)]


def collate_batch(batch):
    texts, labels = zip(*batch, strict=False)
    lengths = torch.tensor([len(t) for t in texts])
    return pad_sequence(texts, batch_first=True), torch.tensor(labels).float(), lengths


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 4, padding_idx=0)
        self.lstm = nn.LSTM(4, 5, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(10, 1)
        self.fc = nn.Linear(20, 1)

    def forward(self, text, lengths):
        packed = pack_padded_sequence(
            self.embedding(text), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        output, (hidden, cell) = self.lstm(packed)
        output, _ = pad_packed_sequence(output, batch_first=True)
        weights = torch.softmax(self.attention(output), dim=1)
        pooled = (weights * output).sum(dim=1)
        hidden = torch.cat((hidden[-2], hidden[-1]), dim=1)
        return self.fc(torch.cat([pooled, hidden], 1)).squeeze(1)


model = Tagger()
optimizer = torch.optim.Adam(model.parameters())
criterion = nn.BCEWithLogitsLoss()
for text, label, lengths in DataLoader(sentences, batch_size=4, collate_fn=collate_batch):
    optimizer.zero_grad()
    loss = criterion(model(text, lengths), label)
    loss.backward()
    optimizer.step()
    print(loss.item())
