# Everything around a model: schedules, early stopping, checkpoints, averages, frozen layers.
import copy
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.manual_seed(6)
torch.cuda.manual_seed_all(6)
torch.backends.cudnn.deterministic = True
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
X = torch.randn(72, 5)
y = (X[:, 0] * X[:, 1] > 0).long()


def network():
    layers = {
        "first": nn.Linear(5, 16),
        "norm": nn.BatchNorm1d(16),
        "bend": nn.ReLU(),
        "drop": nn.Dropout(0.2),
    }
    return nn.Sequential(OrderedDict(layers | {"last": nn.Linear(16, 2)})).to(device)


model, criterion = network(), nn.CrossEntropyLoss()
data = TensorDataset(X, y)
loader = DataLoader(Subset(data, range(50)), batch_size=16, shuffle=True, num_workers=0)
held = DataLoader(Subset(data, range(50, 72)), batch_size=16)
optimizer = torch.optim.SGD(
    [{"params": model.first.parameters()}, {"params": model.last.parameters(), "lr": 1e-2}],
    lr=0.1,
    momentum=0.9,
)
schedule = lr_scheduler.OneCycleLR(optimizer, max_lr=[0.1, 0.2], total_steps=5 * len(loader))
best, patience, bad = float("inf"), 2, 0
for epoch in range(5):
    model.train()
    for xb, yb in loader:
        loss = criterion(model(xb.to(device, non_blocking=True)), yb.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    right, total = 0, 0.0
    with torch.no_grad():
        for xb, yb in held:
            scores = model(xb)
            total += F.cross_entropy(scores, yb, reduction="sum").item()
            right += (scores.argmax(1) == yb).type(torch.float).sum().item()
    rates = schedule.get_last_lr()
    print(f"epoch {epoch}: {total / 22:.4f}, {100 * right / 22:>0.1f} %, rates {rates}")
    bad = 0 if total < best else bad + 1
    if total < best:
        best, kept = total, copy.deepcopy(model.state_dict())
    if bad >= patience:
        print("stopped early")
        break
path = FOLDER / "checkpoint.pt"  # noqa: F821
torch.save({"epoch": epoch, "model": kept, "optimizer": optimizer.state_dict(), "best": best}, path)
saved = torch.load(path, map_location="cpu", weights_only=False)
again = network()
print(again.load_state_dict(saved["model"]), list(saved["model"]), saved["epoch"])
other = torch.optim.SGD(
    [{"params": again.first.parameters()}, {"params": again.last.parameters()}], lr=0.1
)
other.load_state_dict(saved["optimizer"])
print(
    other.param_groups[1]["lr"], len(other.state), other.state_dict()["param_groups"][0]["params"]
)
model.load_state_dict(kept)
again.eval()
print(
    torch.equal(model(X), again(X)),
    again.norm.num_batches_tracked,
    again.last.load_state_dict({"bias": torch.ones(2)}, strict=False),
)

table = torch.zeros(2, 2, dtype=torch.int64)
for t, p in zip(y, model(X).argmax(1), strict=True):
    table[t, p] += 1
hits = table.diagonal()
print(table, hits / table.sum(1), hits / table.sum(0).clamp(min=1))

MAKERS = {
    "step": lambda o: lr_scheduler.StepLR(o, 2, 0.1),
    "steps": lambda o: lr_scheduler.MultiStepLR(o, [2, 4], 0.5),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=5),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "own": lambda o: lr_scheduler.LambdaLR(o, lambda e: 0.95**e),
    "cycle": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3),
    "warm": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=2), lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
}
for name, make in MAKERS.items():
    o = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)
    s, rates = make(o), []
    for _ in range(6):
        o.step()
        rates.append(s.get_last_lr()[0])
        s.step()
    print(name, rates)
plateau = lr_scheduler.ReduceLROnPlateau(o, "min", factor=0.5, patience=1)
for value in (1.0, 0.9, 0.9, 0.9, 0.95):
    plateau.step(value)
print(o.param_groups[0]["lr"], o)

for p in model.first.parameters():
    p.requires_grad = False
learning = [p for p in model.parameters() if p.requires_grad]
adam, mean = torch.optim.AdamW(learning, lr=1e-2), [p.detach().clone() for p in learning]
before = model.first.weight.clone()
model.train()
for i, (xb, yb) in enumerate(DataLoader(data, batch_size=9)):
    (criterion(model(xb), yb) / 4).backward()
    if (i + 1) % 4 == 0:
        nn.utils.clip_grad_value_(learning, 0.05)
        adam.step()
        adam.zero_grad()
        for m, p in zip(mean, learning, strict=True):
            m.lerp_(p.detach(), 0.5)
print(torch.equal(before, model.first.weight), mean[-1], adam.state[learning[0]]["step"])
print(
    nn.ModuleList([nn.Linear(2, 2) for _ in range(3)] + [nn.Tanh()]),
    [n for n, _ in model.named_children()],
)
