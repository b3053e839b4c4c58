"""The loop lives in a module beside the script; a guard for several processes."""

import multiprocessing as mp

import engine_loop
import torch


def work(count):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Softplus(), torch.nn.Linear(4, 1))
    batches = [(torch.randn(3, 2), torch.randn(3, 1)) for _ in range(count)]
    for loss in engine_loop.Trainer(model).fit(batches):
        print(loss)


if __name__ == "__main__":
    mp.freeze_support()
    work(3)
