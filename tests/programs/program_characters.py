# Names letter by letter: counting pairs, a network by hand, its batch norm, its gradients by hand.
import torch
import torch.nn.functional as F

names = [
    "rahim",
    "karim",
    "nadia",
    "sadia",
    "anika",
    "tania",
    "rina",
    "mina",
    "arif",
    "asif",
    "nabil",
]
letters = ["."] + sorted(set("".join(names)))
number = {c: i for i, c in enumerate(letters)}
V = len(letters)
g = torch.Generator().manual_seed(12)

pairs = torch.zeros((V, V), dtype=torch.int32)
for name in names:
    for a, b in zip("." + name, name + ".", strict=True):
        pairs[number[a], number[b]] += 1
print(pairs[0].tolist(), pairs.sum())
chance = (pairs + 1).float()
chance /= chance.sum(1, keepdims=True)
for _ in range(3):
    at, word = 0, ""
    while True:
        at = torch.multinomial(chance[at], num_samples=1, replacement=True, generator=g).item()
        if at == 0 or len(word) > 12:
            break
        word += letters[at]
    print(word)

rows = []
for name in names:
    context = [0] * 4
    for c in name + ".":
        rows.append((context, number[c]))
        context = context[1:] + [number[c]]
X = torch.tensor([r[0] for r in rows])
Y = torch.tensor([r[1] for r in rows])
print(X.shape, Y.dtype, X[:3])

W = torch.randn((V, V), generator=g, requires_grad=True)
for _ in range(4):
    powers = (F.one_hot(X[:, -1], num_classes=V).float() @ W).exp()
    p = powers / powers.sum(1, keepdim=True)
    loss = -p[torch.arange(len(Y)), Y].log().mean() + 0.01 * (W**2).mean()
    W.grad = None
    loss.backward()
    W.data += -20 * W.grad
    print(loss.item())


class Rows:
    """Every letter a row of numbers; neighbours laid side by side."""

    def __init__(self, width, neighbours):
        self.weight = torch.randn((V, width), generator=g)
        self.neighbours = neighbours

    def __call__(self, x):
        e = self.weight[x]
        self.out = e.view(e.shape[0], -1, self.neighbours * e.shape[2])
        return self.out

    def parameters(self):
        return [self.weight]


class Sum:
    def __init__(self, into, out):
        self.weight = torch.randn((into, out), generator=g) / into**0.5

    def __call__(self, x):
        self.out = x @ self.weight
        return self.out

    def parameters(self):
        return [self.weight]


class Norm:
    def __init__(self, width):
        self.gain, self.bias = torch.ones(width), torch.zeros(width)
        self.mean, self.var = torch.zeros(width), torch.ones(width)

    def __call__(self, x):
        dims = tuple(range(x.ndim - 1))
        mean, var = x.mean(dims, keepdim=True), x.var(dims, keepdim=True)
        self.out = self.gain * (x - mean) / torch.sqrt(var + 1e-5) + self.bias
        with torch.no_grad():
            self.mean = 0.9 * self.mean + 0.1 * mean
            self.var = 0.9 * self.var + 0.1 * var
        return self.out

    def parameters(self):
        return [self.gain, self.bias]


class Bend:
    def __call__(self, x):
        self.out = torch.tanh(x)
        if self.out.ndim == 3:
            self.out = self.out.flatten(1)
        return self.out

    def parameters(self):
        return []


layers = [Rows(5, 2), Sum(10, 12), Norm(12), Bend(), Sum(24, V)]
parameters = [p for layer in layers for p in layer.parameters()]
with torch.no_grad():
    layers[-1].weight *= 0.1
for p in parameters:
    p.requires_grad = True
for step in range(6):
    ix = torch.randint(0, X.shape[0], (16,), generator=g)
    x = X[ix]
    for layer in layers:
        x = layer(x)
    loss = F.cross_entropy(x, Y[ix])
    for layer in layers:
        layer.out.retain_grad()
    for p in parameters:
        p.grad = None
    loss.backward()
    for p in parameters:
        p.data -= 0.1 * p.grad
    print(step, loss.item())
for layer in layers[1:]:
    out = layer.out
    line = f"{type(layer).__name__:6s} mean {out.mean():+.3f} std {out.std():.3f}"
    print(line, f"flat {(out.abs() > 0.97).float().mean() * 100:.1f}% slope {out.grad.std():.2e}")
by_hand = F.softmax(layers[-1].out, 1)
by_hand[range(16), Y[ix]] -= 1
by_hand /= 16
print(torch.allclose(by_hand, layers[-1].out.grad, atol=1e-6), layers[2].mean, layers[2].var)
ratios = [(0.1 * p.grad.std() / p.data.std()).log10().item() for p in parameters if p.ndim == 2]
print(ratios)
heights, edges = torch.histogram(layers[3].out.detach(), density=True, bins=4)
print(heights, edges)
