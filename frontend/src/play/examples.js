// Programs to begin with: the same little training in each framework.

const written = (imports) => `${imports}

torch.manual_seed(1)
model = nn.Sequential(
    nn.Linear(2, 3),
    nn.Tanh(),
    nn.Linear(3, 1),
)
x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
optimizer = optim.Adam(model.parameters(), lr=0.1)

for step in range(40):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(step, loss.item())
`;

export const EXAMPLES = {
  gobhir: written("import gobhir as torch\nfrom gobhir import nn, optim"),
  torch: written("import torch\nfrom torch import nn, optim"),
};
