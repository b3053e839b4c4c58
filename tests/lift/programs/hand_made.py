"""A convolutional network without modules: weights from a helper, kept in a list, stepped in a
loop, as a course on computer vision begins."""

import torch
import torch.nn.functional as F

torch.manual_seed(0)


def drawn(*shape):
    inputs = shape[0] if len(shape) == 2 else shape[1] * shape[2] * shape[3]
    weight = torch.randn(shape) * (2 / inputs) ** 0.5
    weight.requires_grad = True
    return weight


def zeros(*shape):
    return torch.zeros(shape, requires_grad=True)


def scores_of(x, parameters):
    kernel, shift, weight, bias = parameters
    maps = F.relu(F.conv2d(x, kernel, shift, padding=1))
    return maps.flatten(1).mm(weight) + bias


parameters = [drawn(2, 3, 3, 3), zeros(2), drawn(2 * 6 * 6, 4), zeros(4)]
for step in range(3):
    x, y = torch.randn(5, 3, 6, 6), torch.randint(0, 4, (5,))
    loss = F.cross_entropy(scores_of(x, parameters), y)
    loss.backward()
    with torch.no_grad():
        for p in parameters:
            p -= 0.01 * p.grad
            p.grad.zero_()
    print(step, loss.item())
