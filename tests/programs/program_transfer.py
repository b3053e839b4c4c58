import copy

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    def __init__(self, count):
        rng = torch.Generator().manual_seed(7)
        self.x = torch.randn(count, 5, generator=rng)
        self.y = (self.x.sum(1, keepdim=True) > 0).float()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return {"x": self.x[index], "y": self.y[index]}


torch.manual_seed(7)
backbone = nn.Sequential()
backbone.add_module("fc", nn.Linear(5, 6))
backbone.add_module("act", nn.GELU())
for p in backbone.parameters():
    p.requires_grad = False
frozen = copy.deepcopy(backbone)


def initialise(m):
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight)
        nn.init.zeros_(m.bias)


head = nn.ModuleDict({"hidden": nn.Linear(6, 4), "out": nn.Linear(4, 1)})
head.apply(initialise)
act = nn.PReLU()
optimizer = torch.optim.SGD(
    [
        {"params": head["hidden"].parameters(), "lr": 0.05},
        {"params": [*head["out"].parameters(), *act.parameters()]},
    ],
    lr=0.1,
    momentum=0.8,
)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
loss_of = nn.BCELoss()
loader = DataLoader(Pairs(40), batch_size=10, shuffle=True, drop_last=True)
log, best, best_state = [], float("inf"), None
for _ in range(4):
    total = 0.0
    for batch in loader:
        p = torch.sigmoid(head["out"](act(head["hidden"](backbone(batch["x"])))))
        loss = loss_of(p, batch["y"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    plateau.step(total)
    if total < best:
        best, best_state = total, copy.deepcopy(head.state_dict())
    log.append(total)
head.load_state_dict(best_state)
pairs = zip(backbone.parameters(), frozen.parameters(), strict=True)
unchanged = all(torch.equal(a, b) for a, b in pairs)
result = {
    "log": log,
    "slope": act.weight.item(),
    "unchanged": float(unchanged),
    "rates": [g["lr"] for g in optimizer.param_groups],
    "model": str(head),
    "optimizer": " ".join(str(optimizer).split()[:4]),
}
