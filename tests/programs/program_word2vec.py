from collections import Counter

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(2)
text = "the quick brown fox jumps over the lazy dog the fox sleeps"
words = text.split()
counts = Counter(words)
vocab = [w for w, _ in counts.most_common()]
place = {w: i for i, w in enumerate(vocab)}
weights = torch.tensor([counts[w] for w in vocab], dtype=torch.float) ** 0.75
weights /= weights.sum()
near = [(i, j) for i in range(len(words)) for j in range(max(0, i - 2), min(len(words), i + 3))]
pairs = torch.tensor([(place[words[i]], place[words[j]]) for i, j in near if i != j])


class SkipGram(nn.Module):
    def __init__(self, size, width):
        super().__init__()
        self.centre, self.context = nn.Embedding(size, width), nn.Embedding(size, width)
        self.centre.weight.data.uniform_(-0.5 / width, 0.5 / width)
        nn.init.zeros_(self.context.weight)

    def forward(self, centre, context, negative):
        v = self.centre(centre)
        positive = F.logsigmoid((v * self.context(context)).sum(1))
        away = torch.bmm(self.context(negative), v.unsqueeze(2)).squeeze(2)
        return -(positive + F.logsigmoid(-away).sum(1)).mean()


model = SkipGram(len(vocab), 8)
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
losses = []
for _ in range(6):
    negative = torch.multinomial(weights, len(pairs) * 3, replacement=True).view(-1, 3)
    loss = model(pairs[:, 0], pairs[:, 1], negative)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
table = F.normalize(model.centre.weight.detach(), dim=1)
likeness, closest = (table @ table.T).topk(3)
result = {"losses": losses, "likeness": likeness.numpy(), "closest": closest.numpy()}
