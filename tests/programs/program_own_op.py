# An op of one's own, a network whose depth changes from step to step, and a look inside by hooks.
import random

import torch
from torch import nn
from torch.autograd import Function

torch.manual_seed(1)
random.seed(1)


class Chebyshev(Function):
    """4 x^3 - 3 x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 4 * x**3 - 3 * x

    @staticmethod
    def backward(ctx, d):
        (x,) = ctx.saved_tensors
        return d * (12 * x**2 - 3)


class Rounded(Function):
    """Rounding whose gradient passes straight through."""

    @staticmethod
    def forward(ctx, x, steps):
        ctx.steps = steps
        return torch.round(x * steps) / steps

    @staticmethod
    def backward(ctx, d):
        return d.clone(), None


x = torch.linspace(-1, 1, 40)
y = torch.cos(3 * torch.acos(x)) + 0.1
a, b = (torch.tensor(v, requires_grad=True) for v in (0.2, 0.9))
for step in range(60):
    loss = (a + b * Chebyshev.apply(x) - y).pow(2).sum()
    if step % 20 == 0:
        print(step, loss.item())
    loss.backward()
    with torch.no_grad():
        for p in (a, b):
            p -= 5e-3 * p.grad
            p.grad = None
print(a, b.item())
print(
    torch.autograd.gradcheck(
        Chebyshev.apply, torch.randn(3, dtype=torch.double, requires_grad=True)
    )
)
v = torch.randn(4, requires_grad=True)
Rounded.apply(v, 4).pow(2).sum().backward()
print(v, v.grad)


class Wandering(nn.Module):
    """The same layer is used once, twice or three times."""

    def __init__(self):
        super().__init__()
        self.enter, self.again, self.leave = nn.Linear(2, 8), nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, x):
        x = torch.tanh(self.enter(x))
        for _ in range(random.randint(1, 3)):
            x = torch.tanh(self.again(x))
        return self.leave(x)


model = Wandering()
seen, slopes = [], []
listening = model.again.register_forward_hook(lambda m, args, out: seen.append(out.mean().item()))
back = model.leave.register_full_backward_hook(lambda m, into, outof: slopes.append(outof[0].sum()))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for _ in range(6):
    points = torch.randn(16, 2)
    loss = nn.functional.mse_loss(model(points), points.prod(1, keepdim=True))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item(), model.again.weight.grad.norm().item())
listening.remove()
back.remove()
print(len(seen), seen[-1], slopes[-1])


class Seeing(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3))
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.features(x).mean(dim=(2, 3)))


eye, kept = Seeing(), {}


def keep(module, args, out):
    kept["map"] = out
    out.register_hook(lambda d: kept.update(slope=d))


eye.features.register_forward_hook(keep)
scores = eye(torch.rand(1, 1, 6, 6))
scores[0, scores.argmax()].backward()
weights = kept["slope"].mean(dim=(2, 3), keepdim=True)
heat = torch.relu((weights * kept["map"]).sum(1))
print(nn.functional.interpolate(heat[None], scale_factor=2, mode="bilinear")[0, 0, :3])
z = torch.ones(3, requires_grad=True)
inner = z * 3
inner.retain_grad()
inner.register_hook(lambda d: d * 10)
inner.pow(2).sum().backward()
print(inner.grad, z.grad)
