# Recurrent cells written out from one-hot letters on, trained with clipped gradients; beam search.
import math

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(3)
text = "the moon is up the sun is down the moon is down the sun is up " * 3
letters = sorted(set(text))
number = {c: i for i, c in enumerate(letters)}
V, H = len(letters), 14
song = [number[c] for c in text]


def windows(batch, steps):
    usable = (len(song) - 1) // batch * batch
    x = torch.tensor(song[:usable]).reshape(batch, -1)
    y = torch.tensor(song[1 : usable + 1]).reshape(batch, -1)
    for i in range(0, x.shape[1] // steps * steps, steps):
        yield x[:, i : i + steps], y[:, i : i + steps]


def numbers(gates):
    found = []
    for _ in range(gates):
        found += [torch.randn(V, H) * 0.2, torch.randn(size=(H, H)) * 0.2, torch.zeros(H)]
    found += [torch.randn(H, V) * 0.2, torch.zeros(V)]
    return [p.requires_grad_() for p in found]


def plain(x, state, p):
    (h,) = state
    h = torch.tanh(x @ p[0] + h @ p[1] + p[2])
    return h, (h,)


def gated(x, state, p):
    (h,) = state
    keep = torch.sigmoid(x @ p[0] + h @ p[1] + p[2])
    look = torch.sigmoid(x @ p[3] + torch.mm(h, p[4]) + p[5])
    fresh = torch.tanh(torch.mm(x, p[6]) + (look * h) @ p[7] + p[8])
    h = keep * h + (1 - keep) * fresh
    return h, (h,)


def long_short(x, state, p):
    h, c = state
    i, f, o = (torch.sigmoid(x @ p[k] + h @ p[k + 1] + p[k + 2]) for k in (0, 3, 6))
    c = f * c + i * torch.tanh(x @ p[9] + h @ p[10] + p[11])
    h = o * torch.tanh(c)
    return h, (h, c)


def clip(params, most):
    length = torch.sqrt(sum(torch.sum(p.grad**2) for p in params))
    if length > most:
        for p in params:
            p.grad[:] *= most / length


for name, cell, gates in (("rnn", plain, 1), ("gru", gated, 3), ("lstm", long_short, 4)):
    params = numbers(gates)
    total = count = 0
    state = None
    for x, y in windows(4, 6):
        if state is None:
            state = tuple(torch.zeros(4, H) for _ in range(2 if name == "lstm" else 1))
        else:
            for s in state:
                s.detach_()
        outputs = []
        for step in F.one_hot(x.T, V).type(torch.float32):
            h, state = cell(step, state, params)
            outputs.append(h @ params[-2] + params[-1])
        loss = F.cross_entropy(torch.cat(outputs, dim=0), y.T.reshape(-1))
        loss.backward()
        clip(params, 0.5)
        with torch.no_grad():
            for p in params:
                p -= 2.0 * p.grad
                p.grad.zero_()
        total, count = total + loss.item() * y.numel(), count + y.numel()
    print(name, math.exp(total / count), [round(s.norm().item(), 3) for s in state])

layer, head = nn.LSTM(V, 8, num_layers=2, bidirectional=True, batch_first=True), nn.Linear(16, V)
print(layer, [n for n, _ in layer.named_parameters()][:4])
optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=1e-2)
for x, y in windows(4, 12):
    scores, (h, c) = layer(F.one_hot(x, V).float())
    loss = F.cross_entropy(head(scores).flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(layer.parameters(), max_norm=0.5)
    optimizer.step()
    print(loss.item(), h.shape, c[0].mean())

table = F.log_softmax(head(scores)[0].detach(), dim=-1)[:4]
beams = [([], 0.0)]
for row in table:
    longer = [
        (s + [k], total + row[k].item()) for s, total in beams for k in row.topk(3).indices.tolist()
    ]
    beams = sorted(longer, key=lambda pair: -pair[1])[:2]
print(beams)
