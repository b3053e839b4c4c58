import torch
from torch import autograd, nn

torch.manual_seed(7)
critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2, inplace=True), nn.Linear(16, 1))
generator = nn.Sequential(
    nn.Linear(2, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(True), nn.Linear(16, 2)
)
optimizer_c = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
real = torch.randn(20, 2) * 0.3 + 1


def gradient_penalty(real, fake):
    mix = torch.rand(real.size(0), 1).expand_as(real)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    scores = critic(between)
    (slope,) = autograd.grad(
        outputs=scores,
        inputs=between,
        grad_outputs=torch.ones_like(scores),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )
    return ((slope.view(len(real), -1).norm(2, dim=1) - 1) ** 2).mean()


losses, penalties = [], []
for step in range(6):
    fake = generator(torch.randn(20, 2)).detach()
    penalty = gradient_penalty(real, fake)
    loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
    optimizer_c.zero_grad()
    loss.backward()
    optimizer_c.step()
    losses.append(loss.item())
    penalties.append(penalty.item())
    if step % 2 == 1:
        for p in critic.parameters():
            p.requires_grad_(False)
        cost = -critic(generator(torch.randn(20, 2))).mean()
        optimizer_g.zero_grad()
        cost.backward()
        optimizer_g.step()
        for p in critic.parameters():
            p.requires_grad_(True)
        losses.append(cost.item())
result = {
    "losses": losses,
    "penalties": penalties,
    "samples": generator.eval()(torch.randn(4, 2)).detach().numpy(),
}
