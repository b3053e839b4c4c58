"""A language model of the newer kind: RMS norm, rotated queries and keys, keys that several heads
share, a gated layer; half of it frozen, the rest learned through small matrices beside it."""

import torch
import torch.nn.functional as F
from torch import nn

HEADS, SHARED, WIDTH, EACH = 4, 2, 16, 4


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Beside(nn.Module):
    """A frozen layer, and what is learned of it: a product of two thin matrices."""

    def __init__(self, inputs, outputs, rank=2):
        super().__init__()
        self.base = nn.Linear(inputs, outputs, bias=False).requires_grad_(False)
        self.down = nn.Linear(inputs, rank, bias=False)
        self.up = nn.Linear(rank, outputs, bias=False)
        self.drop = nn.Dropout(0.1)
        nn.init.normal_(self.up.weight, std=0.1)

    def forward(self, x):
        return self.base(x) + 2.0 * self.up(self.down(self.drop(x)))


def turned(x, cos, sin):
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-right, left), dim=-1) * sin


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = RMSNorm(WIDTH), RMSNorm(WIDTH)
        self.q, self.k = Beside(WIDTH, HEADS * EACH), nn.Linear(WIDTH, SHARED * EACH, bias=False)
        self.v = Beside(WIDTH, SHARED * EACH)
        self.o = nn.Linear(WIDTH, WIDTH, bias=False)
        self.gate, self.up = nn.Linear(WIDTH, 24, bias=False), nn.Linear(WIDTH, 24, bias=False)
        self.down = nn.Linear(24, WIDTH, bias=False)

    def forward(self, x, cos, sin):
        n, t, _ = x.shape
        y = self.norm1(x)
        q, k, v = (
            part(y).view(n, t, -1, EACH).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        q, k = turned(q, cos, sin), turned(k, cos, sin)
        k, v = (p.repeat_interleave(HEADS // SHARED, dim=1) for p in (k, v))
        scores = q @ k.transpose(2, 3) * EACH**-0.5
        ahead = torch.full((t, t), torch.finfo(x.dtype).min).triu(1)
        seen = F.softmax(scores + ahead, dim=-1, dtype=torch.float32) @ v
        x = x + self.o(seen.transpose(1, 2).reshape(n, t, WIDTH))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Model(nn.Module):
    def __init__(self, words=13):
        super().__init__()
        self.embed = nn.Embedding(words, WIDTH)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.norm = RMSNorm(WIDTH)
        self.register_buffer("speeds", 1e4 ** (-torch.arange(0, EACH, 2) / EACH), False)

    def forward(self, tokens):
        angle = torch.arange(tokens.shape[1]).float()[:, None] * self.speeds
        angle = torch.cat((angle, angle), dim=-1)
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, angle.cos(), angle.sin())
        return F.linear(self.norm(x), self.embed.weight)


torch.manual_seed(0)
model = Model()
learning = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(learning, lr=1e-2, betas=(0.9, 0.95), weight_decay=0.1)
for step in range(3):
    tokens = torch.randint(0, 13, (2, 6))
    scores = model(tokens)[:, :-1]
    loss = F.cross_entropy(scores.reshape(-1, 13), tokens[:, 1:].reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learning, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    print(step, loss.item())
