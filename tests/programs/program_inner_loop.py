# Gradients of gradients: learning to learn, an equation in the loss, Hessians; a teacher.
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)
net = nn.Sequential(nn.Linear(1, 12), nn.Tanh(), nn.Linear(12, 1))
outer = torch.optim.Adam(net.parameters(), lr=1e-2)


def with_weights(x, w):
    return F.linear(torch.tanh(F.linear(x, w[0], w[1])), w[2], w[3])


for _ in range(4):
    outer.zero_grad()
    total = 0
    for _ in range(3):
        height = torch.rand(1) * 3 + 0.5
        x = torch.rand(10, 1) * 4 - 2
        y = height * torch.sin(x)
        weights = list(net.parameters())
        for _ in range(2):
            loss = F.mse_loss(with_weights(x[:5], weights), y[:5])
            slopes = torch.autograd.grad(loss, weights, create_graph=True)
            weights = [w - 0.1 * g for w, g in zip(weights, slopes, strict=True)]
        total = total + F.mse_loss(with_weights(x[5:], weights), y[5:])
    total.backward()
    outer.step()
    print(total.item(), net[0].weight.grad.norm().item())

spring = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(spring.parameters(), lr=1e-3)
start = torch.zeros(1, 1, requires_grad=True)
times = torch.linspace(0, 1, 15).view(-1, 1).requires_grad_(True)


def slope(of, by):
    return torch.autograd.grad(of, by, torch.ones_like(of), create_graph=True)[0]


for _ in range(5):
    optimizer.zero_grad()
    begin = spring(start)
    where = spring(times)
    speed = slope(where, times)
    law = slope(speed, times) + 4 * speed + 400 * where
    parts = (begin.squeeze() - 1) ** 2, slope(begin, start).squeeze() ** 2, torch.mean(law**2)
    loss = parts[0] + 0.1 * parts[1] + 1e-4 * parts[2]
    loss.backward()
    optimizer.step()
    print(loss.item(), [p.item() for p in parts])

f = torch.autograd.functional
p = torch.tensor([0.5, -1.0, 2.0])
print(f.jacobian(lambda v: torch.stack([v.prod(), v.pow(2).sum()]), p))
print(f.hessian(lambda v: (v**3).sum() + v[0] * v[1] * v[2], p))
print(f.hvp(lambda v: (v**3).sum(), p, torch.ones(3)), f.vhp(lambda v: v.prod(), p, p)[1])
print(f.vjp(torch.exp, p, torch.ones(3)), f.jvp(torch.sin, p, torch.ones(3)))

teacher, pupil = (
    nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 3)).eval(),
    nn.Linear(4, 3),
)
average = copy.deepcopy(pupil).requires_grad_(False)
swa = torch.optim.swa_utils.AveragedModel(pupil)
X, y, T = torch.randn(16, 4), torch.randint(0, 3, (16,)), 3.0
optimizer = torch.optim.SGD(pupil.parameters(), lr=0.2)
for _ in range(4):
    with torch.no_grad():
        soft = F.softmax(teacher(X) / T, dim=1)
    scores = pupil(X)
    distance = nn.KLDivLoss(reduction="batchmean")(F.log_softmax(scores / T, dim=1), soft)
    loss = 0.7 * T * T * distance + 0.3 * F.cross_entropy(scores, y, label_smoothing=0.1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    swa.update_parameters(pupil)
    for mean, now in zip(average.parameters(), pupil.parameters(), strict=True):
        mean.mul_(0.9).add_(now.data, alpha=0.1)
    print(loss.item())
print(average.weight, swa.module.bias, pupil.weight.requires_grad, average.weight.requires_grad)
picture = torch.rand(1, 4, requires_grad=True)
F.cross_entropy(teacher(picture), torch.tensor([1])).backward()
attacked = (picture + 0.1 * picture.grad.sign()).clamp(0, 1).detach()
print(attacked, picture.grad.data.abs().max(dim=1)[0], teacher[0].weight.grad is not None)
