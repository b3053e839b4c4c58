import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
torch.backends.cuda.matmul.allow_tf32 = False
centres = torch.tensor([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
labels = torch.randint(0, 3, (240,))
points = centres[labels] + 0.7 * torch.randn(240, 2)
train, test = random_split(TensorDataset(points, labels), [200, 40])
loader = DataLoader(train, batch_size=32, shuffle=True)


class Classifier(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.fc1 = nn.Linear(2, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, 3)

    def forward(self, x):
        return self.fc2(F.relu(self.norm(self.fc1(x))))


model = Classifier().to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
criterion = nn.CrossEntropyLoss()
losses = []
for _epoch in range(6):
    model.train()
    running = 0.0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * inputs.size(0)
    losses.append(running / len(train))
    scheduler.step()
model.eval()
correct = total = 0
with torch.no_grad():
    for inputs, targets in DataLoader(test, batch_size=16):
        _, predicted = torch.max(model(inputs).data, 1)
        total += targets.size(0)
        correct += (predicted == targets).sum().item()
result = {
    "losses": losses,
    "accuracy": correct / total,
    "rates": scheduler.get_last_lr(),
    "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
    "model": str(model),
}
