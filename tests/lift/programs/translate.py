"""A Transformer that reads one sequence and writes another, with both masks and Noam's warm-up."""

import math

import torch
from torch import nn


class PositionalEncoding(nn.Module):
    def __init__(self, size, dropout=0.1, maxlen=20):
        super().__init__()
        den = torch.exp(-torch.arange(0, size, 2) * math.log(10000) / size)
        pos = torch.arange(0, maxlen).reshape(maxlen, 1)
        table = torch.zeros((maxlen, size))
        table[:, 0::2] = torch.sin(pos * den)
        table[:, 1::2] = torch.cos(pos * den)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("table", table.unsqueeze(-2))

    def forward(self, x):
        return self.dropout(x + self.table[: x.size(0), :])


class Seq2Seq(nn.Module):
    def __init__(self, vocab=11, size=8):
        super().__init__()
        self.transformer = nn.Transformer(size, 2, 1, 1, 12, 0.1)
        self.generator = nn.Linear(size, vocab)
        self.src, self.tgt = nn.Embedding(vocab, size), nn.Embedding(vocab, size)
        self.positions, self.size = PositionalEncoding(size), size
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def forward(self, src, tgt, tgt_mask, src_pad, tgt_pad):
        src = self.positions(self.src(src) * math.sqrt(self.size))
        tgt = self.positions(self.tgt(tgt) * math.sqrt(self.size))
        out = self.transformer(
            src,
            tgt,
            tgt_mask=tgt_mask,
            src_key_padding_mask=src_pad,
            tgt_key_padding_mask=tgt_pad,
            memory_key_padding_mask=src_pad,
        )
        return self.generator(out)


torch.manual_seed(0)
PAD = 0
model = Seq2Seq()
loss_fn = nn.CrossEntropyLoss(ignore_index=PAD)
optimizer = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: 8**-0.5 * min((s + 1) ** -0.5, (s + 1) * 4**-1.5) * 0.01
)
for step in range(2):
    src, tgt = torch.randint(1, 11, (5, 2)), torch.randint(1, 11, (6, 2))
    src[4, 1] = tgt[5, 0] = PAD
    tgt_input = tgt[:-1, :]
    mask = nn.Transformer.generate_square_subsequent_mask(tgt_input.shape[0])
    pads = (src == PAD).transpose(0, 1), (tgt_input == PAD).transpose(0, 1)
    logits = model(src, tgt_input, mask.isinf(), *pads)
    optimizer.zero_grad()
    loss = loss_fn(logits.reshape(-1, logits.shape[-1]), tgt[1:, :].reshape(-1))
    loss.backward()
    optimizer.step()
    scheduler.step()
    print(step, loss.item())
