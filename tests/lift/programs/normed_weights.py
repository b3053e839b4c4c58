"""Parametrisations: weight norm, and a penalty on the critic's gradient."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

torch.manual_seed(0)
critic = nn.Sequential(
    weight_norm(nn.Linear(3, 6)),
    nn.LeakyReLU(0.2),
    weight_norm(nn.Linear(6, 6)),
    nn.SiLU(),
    nn.Linear(6, 1),
)
optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
for step in range(3):
    real, fake = torch.randn(4, 3), torch.randn(4, 3) + 1
    alpha = torch.rand(4, 1)
    between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    score = critic(between)
    (gradient,) = torch.autograd.grad(
        outputs=score,
        inputs=between,
        grad_outputs=torch.ones_like(score),
        create_graph=True,
        retain_graph=True,
    )
    penalty = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
    loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
