"""Two views of each example: normalised embeddings, a temperature, an average of the weights."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
encoder = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 4))
logit_scale = nn.Parameter(torch.ones([]) * 2.0)
average = copy.deepcopy(encoder)
for p in average.parameters():
    p.requires_grad_(False)


def info_nce(features, n):
    labels = torch.cat([torch.arange(n) for _ in range(2)])
    labels = (labels.unsqueeze(0) == labels.unsqueeze(1)).float()
    features = F.normalize(features, dim=1)
    similarity = torch.matmul(features, features.T)
    mask = torch.eye(labels.shape[0], dtype=torch.bool)
    labels = labels[~mask].view(labels.shape[0], -1)
    similarity = similarity[~mask].view(similarity.shape[0], -1)
    positives = similarity[labels.bool()].view(labels.shape[0], -1)
    negatives = similarity[~labels.bool()].view(similarity.shape[0], -1)
    logits = torch.cat([positives, negatives], dim=1) * logit_scale.exp()
    return logits, torch.zeros(logits.shape[0], dtype=torch.long)


optimizer = torch.optim.Adam([*encoder.parameters(), logit_scale], 3e-4, weight_decay=1e-4)
for step in range(3):
    x = torch.randn(4, 6)
    views = torch.cat([x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x)], dim=0)
    logits, labels = info_nce(encoder(views), len(x))
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for a, p in zip(average.parameters(), encoder.parameters(), strict=False):
            a.mul_(0.99).add_(p, alpha=0.01)
        logit_scale.clamp_(0, 4.6)
    print(step, loss.item())
