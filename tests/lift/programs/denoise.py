"""Noise is taken out of small pictures, as a diffusion model learns it: the time as waves, blocks
with group norm, attention in the middle; a slow copy of the weights goes along."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.norm, self.conv = nn.GroupNorm(2, inside), nn.Conv2d(inside, outside, 3, padding=1)
        self.time = nn.Linear(6, outside)
        self.skip = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x, t):
        return self.skip(x) + self.conv(F.silu(self.norm(x))) + self.time(t)[:, :, None, None]


class Denoiser(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.begin, self.down = nn.Conv2d(1, width, 3, padding=1), Block(width, width)
        self.smaller = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(2, width)
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.up, self.end = Block(2 * width, width), nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x, t):
        waves = t[:, None] * torch.exp(-math.log(100) * torch.arange(3) / 3)
        t = torch.cat([waves.sin(), waves.cos()], dim=-1)
        kept = self.down(self.begin(x), t)
        x = self.smaller(kept)
        y = self.norm(x).flatten(2).transpose(1, 2)
        x = x + self.attend(y, y, y, need_weights=False)[0].transpose(1, 2).reshape(x.shape)
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.end(F.silu(self.up(torch.cat([kept, x], 1), t)))


torch.manual_seed(0)
model = Denoiser()
slow = copy.deepcopy(model).requires_grad_(False)
left = torch.cumprod(1 - torch.linspace(1e-3, 0.2, 10), 0)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
for step in range(3):
    x, t = torch.rand(3, 1, 6, 6) * 2 - 1, torch.randint(0, 10, (3,))
    noise = torch.randn_like(x)
    share = left[t].view(-1, 1, 1, 1)
    loss = F.mse_loss(model(share.sqrt() * x + (1 - share).sqrt() * noise, t), noise)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    with torch.no_grad():
        for mine, its in zip(slow.parameters(), model.parameters(), strict=True):
            mine.lerp_(its, 0.01)
    print(step, loss.item())
