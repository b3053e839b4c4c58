import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence

torch.manual_seed(5)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.action, self.value = nn.Linear(4, 16), nn.Linear(16, 2), nn.Linear(16, 1)

    def forward(self, x):
        h = F.relu(self.hidden(x))
        return F.softmax(self.action(h), dim=-1), self.value(h)


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
losses, totals = [], []
for _ in range(4):
    state, steps, rewards, entropy = torch.randn(4), [], [], 0.0
    for _ in range(8):
        probs, value = policy(state.unsqueeze(0))
        m = Categorical(probs)
        action = m.sample()
        steps.append((m.log_prob(action), value))
        entropy = entropy + m.entropy().mean()
        rewards.append(1.0 if (state.sum() > 0) == (action.item() == 1) else 0.0)
        state = 0.5 * state + torch.randn(4)
    R, returns = 0.0, []
    for r in rewards[::-1]:
        R = r + 0.9 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + torch.finfo(torch.float32).eps)
    terms = []
    for (log_prob, value), R in zip(steps, returns, strict=True):
        terms.append((-log_prob * (R - value.item())).sum())
        terms.append(F.smooth_l1_loss(value, R.view(1, 1)))
    loss = torch.stack(terms).sum() - 0.01 * entropy
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    totals.append(sum(rewards))

# A Gaussian fitted to another by the reparameterisation trick.
mu = torch.zeros(3, requires_grad=True)
log_sigma = torch.zeros(3, requires_grad=True)
goal = Normal(torch.tensor([1.0, -1.0, 0.5]), 0.5)
fit = torch.optim.SGD([mu, log_sigma], lr=0.05)
for _ in range(10):
    q = Normal(mu, log_sigma.exp())
    z = q.rsample((32,))
    fit.zero_grad()
    (q.log_prob(z) - goal.log_prob(z)).sum(1).mean().backward()
    fit.step()
apart = kl_divergence(Normal(mu, log_sigma.exp()), goal)
coins = Bernoulli(torch.tensor([0.3, 0.9])).sample((5,))
result = {
    "losses": losses,
    "rewards": totals,
    "mu": mu.detach().numpy(),
    "apart": apart.detach().numpy(),
    "coins": coins.numpy(),
}
