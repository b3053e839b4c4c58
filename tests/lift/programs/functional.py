"""One model run on other weights (functional_call), as in learning to learn."""

import torch
from torch import nn
from torch.func import functional_call

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1))
outer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(3):
    x = torch.rand(5, 1) * 4 - 2
    y = torch.sin(x + step)
    weights = dict(model.named_parameters())
    inner = nn.functional.mse_loss(functional_call(model, weights, (x,)), y)
    grads = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
    fast = {k: w - 0.1 * g for (k, w), g in zip(weights.items(), grads, strict=False)}
    loss = nn.functional.mse_loss(functional_call(model, fast, (x,)), y)
    outer.zero_grad()
    loss.backward()
    outer.step()
    print(step, loss.item())
