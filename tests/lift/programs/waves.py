"""The next value of a wave by two LSTM cells, one after the other at every time, with LBFGS."""

import torch
from torch import nn


class Ahead(nn.Module):
    def __init__(self, size=4):
        super().__init__()
        self.size = size
        self.first, self.second = nn.LSTMCell(1, size), nn.LSTMCell(size, size)
        self.out = nn.Linear(size, 1)

    def forward(self, wave):
        kinds = {"dtype": wave.dtype, "device": wave.device}
        h1, c1, h2, c2 = (torch.zeros(len(wave), self.size, **kinds) for _ in range(4))
        seen = []
        for value in wave.split(1, dim=1):
            h1, c1 = self.first(value, (h1, c1))
            h2, c2 = self.second(h1, (h2, c2))
            seen.append(self.out(h2))
        return torch.cat(seen, dim=1)


torch.manual_seed(0)
waves = torch.sin(torch.arange(9) / 2 + torch.rand(3, 1) * 6).double()
model, criterion = Ahead().double(), nn.MSELoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=3)
for epoch in range(3):

    def closure():
        optimizer.zero_grad()
        loss = criterion(model(waves[:, :-1]), waves[:, 1:])
        loss.backward()
        return loss

    print(epoch, optimizer.step(closure).item())
