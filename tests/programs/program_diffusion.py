import math

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
T = 20
betas = torch.linspace(1e-4, 0.02, T)
alphas = 1 - betas
kept = torch.cumprod(alphas, dim=0)
variance = betas * (1 - F.pad(kept[:-1], (1, 0), value=1.0)) / (1 - kept)


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(10, 32), nn.SiLU(), nn.Linear(32, 32), nn.Mish(), nn.Linear(32, 2)
        )

    def embed(self, t, half=4):
        rates = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / (half - 1))
        angles = t[:, None].float() * rates[None]
        return torch.cat((angles.sin(), angles.cos()), dim=-1)

    def forward(self, x, t):
        return self.net(torch.cat([x, self.embed(t)], dim=-1))


model = Denoiser()
ema = {k: v.clone() for k, v in model.state_dict().items()}
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
angle = torch.rand(64) * 2 * torch.pi
points = torch.stack([angle.cos(), angle.sin()], dim=1)
losses = []
for _ in range(8):
    t = torch.randint(0, T, (64,))
    noise = torch.randn_like(points)
    a = kept[t].view(-1, 1)
    loss = F.mse_loss(model(a.sqrt() * points + (1 - a).sqrt() * noise, t), noise)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for k, v in model.state_dict().items():
            ema[k].mul_(0.9).add_(v, alpha=0.1)
    losses.append(loss.item())
model.load_state_dict(ema)


@torch.inference_mode()
def sample(n):
    x = torch.randn(n, 2)
    for t in reversed(range(T)):
        when = torch.full((n,), t, dtype=torch.long)
        x = (x - betas[t] / (1 - kept[t]).sqrt() * model(x, when)) / alphas[t].sqrt()
        if t > 0:
            x += variance[t].sqrt() * torch.randn_like(x)
    return x


result = {"losses": losses, "samples": sample(5).numpy()}
