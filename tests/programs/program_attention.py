import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)
text = "আমার সোনার বাংলা, আমি তোমায় ভালোবাসি। " * 4
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text], dtype=torch.long)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=32):
        super().__init__()
        pe = torch.zeros(max_len, d_model)
        position = torch.arange(0, max_len, dtype=torch.float).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2).float() * (-math.log(10000.0) / d_model))
        pe[:, 0::2] = torch.sin(position * div)
        pe[:, 1::2] = torch.cos(position * div)
        self.register_buffer("pe", pe.unsqueeze(0))

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]


class SelfAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.register_buffer("tril", torch.tril(torch.ones(16, 16)))

    def forward(self, x):
        B, T, C = x.shape
        w = self.query(x) @ self.key(x).transpose(-2, -1) * C**-0.5
        w = w.masked_fill(self.tril[:T, :T] == 0, float("-inf"))
        return F.softmax(w, dim=-1) @ self.value(x)


class Model(nn.Module):
    def __init__(self, vocab, width=16):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.place = PositionalEncoding(width)
        self.attend = SelfAttention(width)
        layer = nn.TransformerEncoderLayer(
            width, nhead=2, dim_feedforward=32, dropout=0.0, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers=1)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, idx):
        x = self.place(self.embed(idx))
        x = x + self.attend(x)
        mask = nn.Transformer.generate_square_subsequent_mask(idx.size(1))
        return self.head(self.norm(self.encoder(x, mask=mask)))


model = Model(len(chars))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
losses = []
for _ in range(6):
    ix = torch.randint(len(data) - 16, (8,))
    xb = torch.stack([data[i : i + 16] for i in ix])
    yb = torch.stack([data[i + 1 : i + 17] for i in ix])
    logits = model(xb)
    B, T, C = logits.shape
    loss = F.cross_entropy(logits.view(B * T, C), yb.view(B * T))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
model.eval()
with torch.no_grad():
    logits = model(data[:16].unsqueeze(0))
probs = F.softmax(logits[0, -1], dim=-1)
top = torch.topk(probs, k=3)
result = {"losses": losses, "top": top.values, "ids": top.indices}
