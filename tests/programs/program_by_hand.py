import numpy as np
import torch

torch.manual_seed(6)
X = torch.randn(100, 3)
true_w = torch.tensor([2.0, -3.4, 0.5])
y = torch.matmul(X, true_w) + 4.2 + torch.normal(0, 0.01, (100,))
w = torch.zeros(3, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
lr = 0.1
track = []
for _ in range(20):
    y_hat = X @ w + b
    loss = ((y_hat - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    track.append(loss.item())

x = torch.tensor(3.0, requires_grad=True)
f = x**3 + 2 * x
df = torch.autograd.grad(f, x, create_graph=True)[0]
d2f = torch.autograd.grad(df, x)[0]
a = torch.arange(12).reshape(3, 4)
c = torch.from_numpy(np.arange(3.0))
bits = [
    a.sum(dim=0),
    a.float().mean(1),
    a[a > 5],
    a.t().contiguous().view(-1)[:5],
    torch.cat([a, a], dim=1)[0],
    torch.where(a % 2 == 0, a, -a)[1],
    a.max(dim=1).values,
    a.argmax(1),
    torch.clamp(a, 3, 7)[1],
    torch.einsum("ij,kj->ik", a.float(), a.float())[0],
    torch.linalg.norm(a.float()).reshape(1),
    c.exp(),
    torch.stack((c, c * 2)).flatten(),
    torch.unique(torch.tensor([3, 1, 1, 2])),
    torch.cumsum(a[0], 0),
    a.permute(1, 0)[2],
    torch.chunk(a, 2, dim=1)[1][0],
    a.unsqueeze(0).repeat(2, 1, 1)[1, 2],
    torch.bmm(torch.ones(2, 2, 3), torch.ones(2, 3, 2))[0, 0],
    torch.eye(3)[1],
]
result = {"track": track, "w": w.tolist(), "b": b.item(), "df": df.item(), "d2f": d2f.item()}
result |= {f"bit {i}": v.tolist() for i, v in enumerate(bits)}
result |= {f"dtype {i}": float(v.dtype == torch.int64) for i, v in enumerate(bits)}
result["printed"] = "\n".join(str(v) for v in (w, df, a, a.float() / 3, c > 1))
