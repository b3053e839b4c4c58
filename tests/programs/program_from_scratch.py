# What layers do, written out: softmax regression, dropout, batch norm, correlation, residuals.
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(2)
images, digits = torch.rand(60, 1, 6, 6), torch.randint(0, 4, (60,))
W = torch.normal(0, 0.01, size=(36, 4), requires_grad=True)
b = torch.zeros(4, requires_grad=True)


def probabilities(scores):
    powers = (scores - scores.max(1, keepdim=True).values).exp()
    return powers / powers.sum(1, keepdim=True)


def surprise(p, y):
    return -p[range(len(p)), y].log()


def right(p, y):
    hit = p.argmax(axis=1).type(y.dtype) == y
    return float(hit.type(y.dtype).sum())


for _ in range(5):
    p = probabilities(images.reshape((-1, 36)) @ W + b)
    loss = surprise(p, digits).mean()
    loss.backward()
    with torch.no_grad():
        for q in (W, b):
            q -= 0.5 * q.grad
            q.grad.zero_()
    print(loss.item(), right(p, digits) / len(digits))
same = F.cross_entropy(images.flatten(1) @ W + b, digits, reduction="none")
print((same - surprise(probabilities(images.flatten(1) @ W + b), digits)).abs().max() < 1e-5)


def dropped(x, share):
    if share == 1:
        return torch.zeros_like(x)
    mask = (torch.rand(x.shape) > share).float()
    return mask * x / (1.0 - share)


print(dropped(torch.arange(8.0).reshape(2, 4), 0.5), dropped(torch.ones(3), 1))


def correlate(x, kernel):
    h, w = kernel.shape
    out = torch.zeros(x.shape[0] - h + 1, x.shape[1] - w + 1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (x[i : i + h, j : j + w] * kernel).sum()
    return out


kernel = nn.Parameter(torch.rand(2, 2))
correlate(images[0, 0], kernel).pow(2).sum().backward()
theirs = torch.zeros(2, 2, requires_grad=True)
theirs.data.copy_(kernel.data)
F.conv2d(images[:1], theirs[None, None]).pow(2).sum().backward()
print(kernel.grad, torch.allclose(kernel.grad, theirs.grad, rtol=1e-4))


class Norm(nn.Module):
    """Batch norm of pictures, with running numbers that are no parameters."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("spread", torch.ones(1, channels, 1, 1))

    def forward(self, x):
        if self.training:
            mean = x.mean(dim=(0, 2, 3), keepdim=True)
            spread = ((x - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
            self.mean = 0.9 * self.mean + 0.1 * mean.detach()
            self.spread = 0.9 * self.spread + 0.1 * spread.detach()
        else:
            mean, spread = self.mean, self.spread
        return self.scale * (x - mean) / torch.sqrt(spread + 1e-5) + self.shift


class Shortcut(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.first, self.second = nn.Conv2d(before, after, 3, padding=1), nn.LazyConv2d(after, 1)
        self.norm = Norm(after)
        self.fit = nn.Conv2d(before, after, 1) if before != after else None

    def forward(self, x):
        y = self.second(F.relu(self.norm(self.first(x))))
        y += self.fit(x) if self.fit else x
        return torch.cat((F.relu(y), x), dim=1)


def start(m):
    if type(m) is nn.Linear or type(m) is nn.Conv2d:
        nn.init.xavier_uniform_(m.weight)


net = nn.Sequential(
    Shortcut(1, 4),
    nn.MaxPool2d(2),
    Shortcut(5, 5),
    nn.AdaptiveAvgPool2d((1, 1)),
    nn.Flatten(),
    nn.Linear(10, 4),
)
net(images[:2])
net.apply(start)
decayed = [p for p in net.parameters() if p.dim() > 1]
plain = [p for p in net.parameters() if p.dim() <= 1]
groups = [{"params": decayed, "weight_decay": 1e-2}, {"params": plain, "lr": 0.2}]
trainer = torch.optim.SGD(groups, lr=0.1)
for epoch in range(2):
    for i in range(0, 60, 25):
        x, y = images[i : i + 25], digits[i : i + 25]
        trainer.zero_grad()
        loss = nn.CrossEntropyLoss()(net(x), y)
        loss.backward()
        trainer.step()
    print(f"epoch {epoch + 1}, loss {loss:f}")
net.eval()
with torch.no_grad():
    x = images[:3]
    for layer in net:
        x = layer(x)
        print(layer.__class__.__name__, "output shape:\t", tuple(x.shape), x.abs().sum())
print(net, sum(p.numel() for p in net.parameters()), list(net.state_dict())[:6])
