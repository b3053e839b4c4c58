import torch
import torch.nn as nn

torch.manual_seed(3)
real_data = torch.randn(64, 2) * 0.5 + torch.tensor([2.0, -1.0])
G = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
D = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Dropout(0.0), nn.Linear(16, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
log = []
for _ in range(5):
    z = torch.randn(64, 4)
    fake = G(z)
    mix = torch.rand(64, 1)
    between = (mix * real_data + (1 - mix) * fake.detach()).requires_grad_(True)
    (slope,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
    penalty = ((slope.norm(2, dim=1) - 1) ** 2).mean()
    loss_d = bce(D(real_data), torch.ones(64, 1)) + bce(D(fake.detach()), torch.zeros(64, 1))
    opt_d.zero_grad()
    (loss_d + 10 * penalty).backward()
    opt_d.step()
    opt_g.zero_grad()
    loss_g = bce(D(fake), torch.ones_like(D(fake)))
    loss_g.backward()
    opt_g.step()
    log.append([loss_d.item(), loss_g.item(), penalty.item()])
result = {"log": log, "fake": G(torch.ones(2, 4)).tolist()}
