# Learning without layers: clusters, principal axes, a Gaussian process, mixtures, waves.
import math

import torch
from torch import nn
from torch.distributions import Categorical, Normal, multinomial

torch.manual_seed(9)
centres = torch.tensor([[0.0, 5.0], [5.0, 0.0], [-4.0, -4.0]])
X = torch.cat([torch.randn(15, 2) + c for c in centres])
middle = X[torch.randperm(45)[:3]].clone()
for _ in range(5):
    nearest = torch.cdist(X, middle).argmin(dim=1)
    for k in range(3):
        if (nearest == k).any():
            middle[k] = X[nearest == k].mean(dim=0)
print(middle, torch.bincount(nearest, minlength=3))

C = X - X.mean(0, keepdim=True)
U, S, Vh = torch.linalg.svd(C, full_matrices=False)
spread, axes = torch.linalg.eigh(C.T @ C / (len(C) - 1))
print(S, (Vh @ Vh.T), torch.allclose(U @ S.diag() @ Vh, C, atol=1e-4), (S**2 / 44).flip(0) - spread)
print(torch.cov(X.T), torch.corrcoef(X.T), axes.abs(), torch.linalg.matrix_rank(C))


def likeness(a, b, width):
    return torch.exp(-0.5 * ((a[:, None] - b[None, :]) / width) ** 2)


xt, xs = torch.linspace(-3, 3, 8), torch.linspace(-2.5, 2.5, 4)
yt, log_width = torch.sin(xt), torch.zeros((), requires_grad=True)
optimizer = torch.optim.Adam([log_width], lr=0.1)
for _ in range(5):
    L = torch.linalg.cholesky(likeness(xt, xt, log_width.exp()) + 1e-2 * torch.eye(8))
    alpha = torch.cholesky_solve(yt[:, None], L).squeeze(1)
    surprise = 0.5 * yt @ alpha + L.diagonal().log().sum() + 4 * math.log(2 * math.pi)
    optimizer.zero_grad()
    surprise.backward()
    optimizer.step()
    print(surprise.item(), log_width.item())
with torch.no_grad():
    across = likeness(xs, xt, log_width.exp())
    V = torch.linalg.solve_triangular(L, across.T, upper=False)
    print(across @ alpha, (1 - (V**2).sum(0)).sqrt())

kinds = torch.arange(3).repeat_interleave(15)
plane = nn.Linear(2, 3)
lbfgs = torch.optim.LBFGS(plane.parameters(), lr=1, max_iter=8, line_search_fn="strong_wolfe")


def closure():
    lbfgs.zero_grad()
    loss = nn.functional.cross_entropy(plane(X), kinds) + 0.01 * sum(
        (p**2).sum() for p in plane.parameters()
    )
    loss.backward()
    return loss


print([lbfgs.step(closure).item() for _ in range(2)])
table = torch.bincount(kinds * 3 + plane(X).argmax(1), minlength=9).reshape(3, 3)
print(table, table.diag().sum() / table.sum(), torch.trace(table))


class Mixture(nn.Module):
    def __init__(self, parts=3):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 10), nn.Tanh())
        self.share, self.mean, self.spread = (nn.Linear(10, parts) for _ in range(3))

    def forward(self, x):
        h = self.body(x)
        return Categorical(logits=self.share(h)), Normal(self.mean(h), self.spread(h).exp())


mixture, y = Mixture(), torch.rand(30, 1)
x = y + 0.3 * torch.sin(6 * y) + 0.05 * torch.randn(30, 1)
optimizer = torch.optim.Adam(mixture.parameters(), lr=1e-2)
for _ in range(4):
    which, bell = mixture(x)
    loss = -torch.logsumexp(which.logits + bell.log_prob(y), dim=1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
dice = multinomial.Multinomial(60, torch.ones(6))
print(
    dice.sample().sum(), dice.sample((2,)).shape, dice.mean, dice.log_prob(torch.full((6,), 10.0))
)

place = torch.stack(
    torch.meshgrid(torch.linspace(0, 1, 3), torch.linspace(0, 1, 3), indexing="ij"), -1
)
waves = [f(2.0**k * math.pi * place) for k in range(3) for f in (torch.sin, torch.cos)]
print(torch.cat([place, *waves], -1).shape, torch.cat(waves, -1).sum((0, 1)))
depth = torch.linspace(2.0, 6.0, 5).expand(2, 5)
density = torch.rand(2, 5)
steps = torch.cat([depth[..., 1:] - depth[..., :-1], torch.full((2, 1), 1e10)], -1)
seen = 1.0 - torch.exp(-density * steps)
light = torch.cumprod(torch.cat([torch.ones(2, 1), 1.0 - seen + 1e-10], -1), -1)[:, :-1]
weights = seen * light
print(
    weights,
    torch.searchsorted(weights.cumsum(-1) / weights.sum(-1, keepdim=True), torch.rand(2, 3)),
)
picture = torch.rand(1, 4, 5, 5, requires_grad=True)
rows = picture.view(4, 25)
gram = rows @ rows.t() / rows.numel()
nn.functional.mse_loss(gram, torch.eye(4)).backward()
print(gram, picture.grad.sum())
A = torch.randn(3, 3, dtype=torch.float64)
print(
    torch.linalg.inv(A) @ A,
    torch.det(A),
    torch.linalg.slogdet(A),
    torch.linalg.solve(A, torch.ones(3, dtype=torch.float64)),
)
print(
    torch.linalg.norm(A), torch.linalg.cond(A), torch.matrix_power(A, 3), torch.linalg.pinv(A[:2])
)
