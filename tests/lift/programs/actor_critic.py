"""Actor and critic with two optimizers, a sampled action, and returns that are normalised."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical

torch.manual_seed(0)
actor = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
critic = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1))
actor_optimizer = torch.optim.Adam(actor.parameters(), lr=1e-2)
critic_optimizer = torch.optim.RMSprop(critic.parameters(), lr=1e-2)
eps = torch.finfo(torch.float32).eps
for episode in range(2):
    state, saved, rewards = torch.randn(3), [], []
    for t in range(4):
        m = Categorical(F.softmax(actor(state), dim=-1))
        action = m.sample()
        saved.append((m.log_prob(action), critic(state), m.entropy()))
        rewards.append(float(action.item()) + 0.1 * t)
        state = torch.tanh(state + torch.randn(3))
    R, returns = 0, []
    for r in rewards[::-1]:
        R = r + 0.99 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    policy_losses, value_losses = [], []
    for (log_prob, value, entropy), R in zip(saved, returns, strict=False):
        advantage = R - value.item()
        policy_losses.append(-log_prob * advantage - 0.01 * entropy)
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
    actor_optimizer.zero_grad()
    critic_optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
    loss.backward()
    actor_optimizer.step()
    critic_optimizer.step()
    print(episode, loss.item())
