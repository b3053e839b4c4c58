"""A character model whose hidden state is carried from one piece of text to the next."""

import torch
from torch import nn

torch.manual_seed(0)
text = "to be or not to be, that is the question: " * 4
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])


class CharRNN(nn.Module):
    def __init__(self, vocab, hidden=12, layers=2):
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.encoder = nn.Embedding(vocab, hidden)
        self.rnn = nn.GRU(hidden, hidden, layers)
        self.decoder = nn.Linear(hidden, vocab)

    def forward(self, inp, hidden):
        out, hidden = self.rnn(self.encoder(inp), hidden)
        return self.decoder(out.view(-1, self.hidden)), hidden

    def init_hidden(self, batch):
        weight = next(self.parameters())
        return weight.new_zeros(self.layers, batch, self.hidden)


model = CharRNN(len(chars))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
batch, bptt = 3, 5
stream = data[: len(data) // batch * batch].view(batch, -1).t().contiguous()
hidden = model.init_hidden(batch)
for i in range(0, 4 * bptt, bptt):
    x, y = stream[i : i + bptt], stream[i + 1 : i + 1 + bptt]
    hidden = hidden.detach()
    model.zero_grad()
    out, hidden = model(x, hidden)
    loss = criterion(out, y.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    optimizer.step()
    print(i, loss.item())
