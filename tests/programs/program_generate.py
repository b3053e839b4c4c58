# A small language model: tied weights, two kinds of attention, groups of parameters, a schedule.
import math
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.nn import functional as F

torch.manual_seed(7)


@dataclass
class Settings:
    letters: int = 12
    window: int = 8
    width: int = 16
    heads: int = 2
    depth: int = 2
    fused: bool = True


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.qkv, self.out = (
            nn.Linear(s.width, 3 * s.width),
            nn.Linear(s.width, s.width, bias=False),
        )
        self.drop = nn.Dropout(0.0)
        past = torch.tril(torch.ones(s.window, s.window)).view(1, 1, s.window, s.window)
        self.register_buffer("past", past, persistent=False)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.qkv(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.s.heads, -1).transpose(1, 2) for t in (q, k, v))
        if self.s.fused:
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=0.0, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) / math.sqrt(k.size(-1))
            scores = scores.masked_fill(self.past[:, :, :T, :T] == 0, float("-inf"))
            y = self.drop(F.softmax(scores, dim=-1)) @ v
        return self.out(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.look, self.norm1, self.norm2 = (
            Attention(s),
            nn.LayerNorm(s.width),
            nn.LayerNorm(s.width),
        )
        self.think = nn.Sequential(nn.Linear(s.width, 32), nn.GELU(), nn.Linear(32, s.width))

    def forward(self, x):
        x = x + self.look(self.norm1(x))
        return x + self.think(self.norm2(x))


class Writer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        parts = {
            "letter": nn.Embedding(s.letters, s.width),
            "place": nn.Embedding(s.window, s.width),
        }
        parts |= {"blocks": nn.ModuleList([Block(s) for _ in range(s.depth)])}
        self.body = nn.ModuleDict(parts)
        self.norm, self.head = nn.LayerNorm(s.width), nn.Linear(s.width, s.letters, bias=False)
        self.body.letter.weight = self.head.weight
        self.apply(self.begin)

    def begin(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.2)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, letters, wanted=None):
        x = self.body.letter(letters) + self.body.place(torch.arange(letters.size(1)))
        for block in self.body["blocks"]:
            x = block(x)
        x = self.norm(x)
        if wanted is None:
            return self.head(x[:, [-1], :]), None
        scores = self.head(x)
        return scores, F.cross_entropy(
            scores.view(-1, scores.size(-1)), wanted.view(-1), ignore_index=-1
        )

    @torch.no_grad()
    def write(self, letters, count, warmth=1.0, best=None):
        for _ in range(count):
            scores, _ = self(letters[:, -self.s.window :])
            scores = scores[:, -1, :] / warmth
            if best is not None:
                kept, _ = torch.topk(scores, min(best, scores.size(-1)))
                scores[scores < kept[:, [-1]]] = -float("Inf")
            drawn = torch.multinomial(F.softmax(scores, dim=-1), num_samples=1)
            letters = torch.cat((letters, drawn), dim=1)
        return letters


def rate(step, warm=3, last=10, high=3e-2, low=3e-3):
    if step < warm:
        return high * (step + 1) / warm
    share = min(1.0, (step - warm) / (last - warm))
    return low + 0.5 * (1 + math.cos(math.pi * share)) * (high - low)


song = torch.tensor([(3 * i + i // 5) % 12 for i in range(160)])


def batch():
    starts = torch.randint(len(song) - 8, (6,))
    x = torch.stack([song[i : i + 8] for i in starts])
    y = torch.stack([song[i + 1 : i + 9] for i in starts])
    y[0, 0] = -1
    return x, y


for fused in (True, False):
    model = Writer(Settings(fused=fused))
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    groups = [
        {"params": [p for p in named.values() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in named.values() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95))
    print(len(named), sum(p.numel() for p in model.parameters()), len(model.state_dict()))
    for step in range(12):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        for _ in range(2):
            scores, loss = model(*batch())
            (loss / 2).backward()
        length = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 3 == 0:
            print(f"step {step}: loss {loss.item():.4f}, gradient {length:.4f}")
    model.eval()
    found = torch.zeros(3)
    with torch.no_grad():
        for k in range(3):
            found[k] = model(*batch())[1].item()
    print(
        f"{found.mean():.4f}", model.write(torch.zeros((1, 1), dtype=torch.long), 6, 0.5, 3)[0, :1]
    )
print(model)
