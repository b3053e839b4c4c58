# A first hour with tensors: everything is printed, as a learner would do it.
import numpy as np
import torch

torch.manual_seed(4)
table = torch.arange(1, 13, dtype=torch.float32).reshape(3, 4)
print(table, table.shape, table.dtype, table.device, table.numel(), sep="\n")
print(table[1], table[:, -1], table[1:, ::2], table[table > 6], table[[0, 2], [1, 3]], sep="\n")
print(table.sum(), table.sum(dim=0), table.sum(1, keepdim=True), table.mean(axis=1), sep="\n")
print(
    table / table.sum(axis=1, keepdims=True), table.cumsum(0), table.std(), table.var(0), sep="\n"
)
print(table @ table.T, torch.matmul(table, torch.ones(4)), table.mm(table.t()).trace(), sep="\n")
print(torch.cat([table, table], dim=1).shape, torch.stack([table, table]).shape)
print(table.max(dim=1), table.topk(2), table.flatten().sort(descending=True).values, sep="\n")
print(torch.arange(3).reshape(3, 1) + torch.arange(2))

shared = table.numpy()
table.add_(1)
print(shared[0], type(shared).__name__, torch.from_numpy(np.ones(2)), torch.tensor(shared[:1]))
whole = torch.tensor([[3, 1], [2, 2]])
print(whole, whole.float() / 2, whole // 2, whole == 2, whole.bool(), whole.type(torch.FloatTensor))
print(whole.unique(return_counts=True), torch.bincount(whole.flatten()), whole.tolist())
print(
    torch.tensor(3),
    torch.tensor([]),
    torch.zeros(2, 0),
    torch.tensor([1e-6, 1.0]),
    2 * torch.ones(2),
)
print(
    torch.tensor([1.5, float("nan"), -float("inf")]),
    torch.tensor([123456.0, 0.5]),
    torch.arange(1200),
)
print(torch.rand(2, 2), torch.randn(2), torch.randint(0, 9, (4,)), torch.randperm(5), sep="\n")
torch.set_printoptions(precision=2, linewidth=60)
print(torch.randn(2, 12))
torch.set_printoptions(profile="default")
print(torch.empty(2, 3).fill_(7), torch.eye(2), torch.linspace(0, 1, 5), torch.full((2,), 0.5))
print(f"{torch.tensor(2.71828):.3f}", f"{torch.tensor(7):d}", torch.tensor([0.25])[0].item())

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = (x**2 + 2 * x).sum()
print(x, y.item(), y.requires_grad, x.is_leaf, y.is_leaf)
y.backward()
print(x.grad, x.grad == 2 * x + 2)
x.grad.zero_()
doubled = x
while doubled.data.norm() < 100:
    doubled = doubled * 2
doubled.backward(gradient=torch.tensor([1.0, 0.1, 0.01]))
print(doubled.tolist(), x.grad)
with torch.no_grad():
    print((x * 2).requires_grad, x.detach().requires_grad, torch.is_grad_enabled())
total = torch.zeros(())
for row in table:
    total += row[0] * row[-1]
print(total, int(total), bool(total > 0), len(table), [round(v.item(), 1) for v in table[0]])
table[0, :2] = torch.tensor([9.0, 8.0])
table[table > 10] = 0
table[:, 1] *= -1
print(table, torch.where(table > 0, table, torch.zeros(1)), table.clamp(0, 5), table.nonzero()[:3])
out = torch.empty(3, 3)
print(torch.matmul(table, table.T, out=out) is out, torch.add(out, 1, out=out)[0])
print(
    torch.Tensor(2, 3).shape,
    torch.LongTensor([1, 2]),
    torch.device("cpu"),
    torch.cuda.is_available(),
)
