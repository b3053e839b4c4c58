#!/usr/bin/env python
"""A notebook as a script: cells, and gradient descent by hand."""

# In[1]:
import torch

torch.manual_seed(42)

# In[2]:
X = torch.arange(0, 1, 0.1).unsqueeze(dim=1)
y = 0.7 * X + 0.3
y_mean, y_std = y.mean(), y.std()

# In[3]:
W1 = torch.randn(1, 4, requires_grad=True)
b1 = torch.zeros(4, requires_grad=True)
W2 = torch.randn(4, 1, requires_grad=True)
b2 = torch.zeros(1, requires_grad=True)
params = [W1, b1, W2, b2]

# In[4]:
learning_rate = 1e-2
history = []
for _epoch in range(4):
    hidden = torch.clamp(X.mm(W1) + b1, min=0)
    y_pred = hidden.mm(W2) + b2
    loss = (y_pred - (y - y_mean) / y_std).pow(2).mean()
    history.append(loss.item())
    loss.backward()
    with torch.no_grad():
        for p in params:
            p -= learning_rate * p.grad
            p.grad.zero_()

# In[5]:
print(history)
