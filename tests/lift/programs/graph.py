"""Classes of the nodes of a graph: messages along the edges are gathered, weighed by attention
over each node's neighbours, and added up."""

import torch
import torch.nn.functional as F
from torch import nn


class Attending(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.lin = nn.Linear(inputs, outputs, bias=False)
        self.ask, self.answer = (
            nn.Parameter(torch.randn(outputs)),
            nn.Parameter(torch.randn(outputs)),
        )
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x, edges):
        source, target = edges
        x = self.lin(x)
        score = F.leaky_relu(
            (x * self.ask).sum(-1)[source] + (x * self.answer).sum(-1)[target], 0.2
        )
        largest = torch.full((len(x),), -torch.inf)
        largest = largest.scatter_reduce(0, target, score.detach(), "amax")
        weight = (score - largest[target]).exp()
        total = torch.zeros(len(x)).index_add(0, target, weight)
        share = weight / (total[target] + 1e-16)
        met = torch.zeros_like(x).index_add(0, target, share.unsqueeze(-1) * x[source])
        return met + self.bias


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Attending(3, 4), Attending(4, 2)

    def forward(self, x, edges):
        return self.second(F.elu(self.first(x, edges)), edges)


torch.manual_seed(0)
edges = torch.tensor([[0, 1, 2, 3, 4, 0, 2, 1], [1, 2, 3, 4, 0, 2, 0, 3]])
edges = torch.cat([edges, torch.arange(5).repeat(2, 1)], 1)
x, y, known = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1]), torch.tensor([1, 1, 0, 1, 0]).bool()
model = Network()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(3):
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x, edges)[known], y[known])
    loss.backward()
    optimizer.step()
    print(epoch, loss.item())
