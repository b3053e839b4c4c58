import torch
import torch.nn.functional as F
from torch import nn, optim

torch.manual_seed(1)
images = torch.rand(48, 1, 12, 12)
targets = (images[:, 0, :6].mean(dim=(1, 2)) > images[:, 0, 6:].mean(dim=(1, 2))).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(8 * 2 * 2, 10)
        self.fc2 = nn.Linear(10, 2)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = F.relu(self.conv2(x), inplace=True)
        x = x.view(x.size(0), -1)
        x = torch.flatten(x, 1)
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)


net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
history = []
for _ in range(4):
    for i in range(0, 48, 16):
        optimizer.zero_grad()
        output = net(images[i : i + 16])
        loss = F.nll_loss(output, targets[i : i + 16])
        loss.backward()
        optimizer.step()
        history.append(loss.item())
torch.save(net.state_dict(), FOLDER / "net.pt")  # noqa: F821
again = Net()
again.load_state_dict(torch.load(FOLDER / "net.pt"))  # noqa: F821
again.eval()
net.eval()
with torch.no_grad():
    same = torch.allclose(net(images), again(images))
result = {
    "history": history,
    "same": float(same),
    "feature": net.conv1(images[:1]).detach().numpy().ravel()[:20],
    "model": repr(net),
    "keys": " ".join(net.state_dict().keys()),
}
