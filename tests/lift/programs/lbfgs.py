"""A sine wave learned by LBFGS, which calls its closure several times a step."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(0, 3, 8).unsqueeze(1).double()
y = torch.sin(x)
model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1)).double()
criterion = nn.MSELoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.8, max_iter=4)
for i in range(3):

    def closure():
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        print(i, criterion(model(x), y).item())
