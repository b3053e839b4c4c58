import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(6)
torch.backends.cudnn.deterministic = True


class BasicBlock(nn.Module):
    def __init__(self, inputs, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


def init_weights(m):
    if isinstance(m, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        if m.bias is not None:
            nn.init.zeros_(m.bias)


net = nn.Sequential(
    BasicBlock(3, 4),
    BasicBlock(4, 8, 2),
    nn.AdaptiveAvgPool2d((1, 1)),
    nn.Flatten(),
    nn.Linear(8, 3),
)
net.apply(init_weights)
rows, handles = [], []


def show(m, inputs, output):
    count = sum(p.numel() for p in m.parameters())
    rows.append(f"{m.__class__.__name__} {tuple(inputs[0].shape)} {tuple(output.shape)} {count}")


for m in net.modules():
    if not isinstance(m, nn.Sequential):
        handles.append(m.register_forward_hook(show))
x, y = torch.randn(6, 3, 8, 8), torch.arange(6) % 3
net(x)
for handle in handles:
    handle.remove()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
losses, norms = [], []
for _ in range(5):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y, label_smoothing=0.1)
    loss.backward()
    norms.append(nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0).item())
    optimizer.step()
    losses.append(loss.item())
net.eval()
with torch.no_grad():
    scores = net(x)
result = {"losses": losses, "norms": norms, "scores": scores.numpy(), "summary": "\n".join(rows)}
