"""Records the learning rates (and momenta) that PyTorch's schedulers set, into schedulers.json.

Run with the PyTorch that is to be the reference: python3 make_schedulers.py
"""

import json
import math
import os
import warnings

import torch
from torch.optim import lr_scheduler

STEPS = 30
RATES = [0.1, 0.02]


def metric(step):
    """Improves, then stands still, then improves a little."""
    return 1.0 / (1 + min(step, 6)) + (0.001 * math.sin(step) if step > 6 else 0) - (0.05 if step > 22 else 0)


def sequential(o):
    parts = [
        lr_scheduler.ConstantLR(o, factor=0.1, total_iters=3),
        lr_scheduler.ExponentialLR(o, gamma=0.9),
        lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=4),
    ]
    return lr_scheduler.SequentialLR(o, parts, milestones=[4, 12])


def warm_up(o):
    parts = [lr_scheduler.LinearLR(o, start_factor=0.01, total_iters=5), lr_scheduler.CosineAnnealingLR(o, T_max=20)]
    return lr_scheduler.SequentialLR(o, parts, milestones=[5])


class Chained:
    """Two schedulers of one optimiser: their changes multiply."""

    def __init__(self, o):
        self.parts = [lr_scheduler.ExponentialLR(o, gamma=0.95), lr_scheduler.StepLR(o, step_size=7, gamma=0.5)]

    def step(self):
        for part in self.parts:
            part.step()


SCHEDULERS = {
    "step": lambda o: lr_scheduler.StepLR(o, step_size=7, gamma=0.3),
    "multi_step": lambda o: lr_scheduler.MultiStepLR(o, milestones=[3, 10, 10, 21], gamma=0.5),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, gamma=0.93),
    "constant": lambda o: lr_scheduler.ConstantLR(o, factor=0.25, total_iters=6),
    "linear": lambda o: lr_scheduler.LinearLR(o, start_factor=0.2, end_factor=0.8, total_iters=11),
    "polynomial": lambda o: lr_scheduler.PolynomialLR(o, total_iters=20, power=1.7),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=12, eta_min=0.001),
    "warm_restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=2, eta_min=0.003),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "multiplicative": lambda o: lr_scheduler.MultiplicativeLR(o, lambda epoch: 0.9 if epoch % 2 else 1.02),
    "sequential": sequential,
    "warm_up": warm_up,
    "chained": Chained,
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.5, total_steps=STEPS),
    "one_cycle_linear": lambda o: lr_scheduler.OneCycleLR(
        o, max_lr=0.5, total_steps=STEPS, pct_start=0.4, anneal_strategy="linear", div_factor=10.0, three_phase=True
    ),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1, min_lr=0.004),
    "plateau_max": lambda o: lr_scheduler.ReduceLROnPlateau(
        o, mode="max", factor=0.3, patience=1, threshold=0.02, threshold_mode="abs"
    ),
}


def record(name):
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in RATES]
    optimizer = torch.optim.SGD(
        [{"params": [p], "lr": rate} for p, rate in zip(parameters, RATES)], lr=1.0, momentum=0.9
    )
    scheduler = SCHEDULERS[name](optimizer)
    rates, momenta = [], []
    for step in range(STEPS):
        rates.append([group["lr"] for group in optimizer.param_groups])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if step == STEPS - 1:
            break
        if name.startswith("plateau"):
            scheduler.step(metric(step))
        else:
            scheduler.step()
    result = {"name": name, "rates": rates}
    if name.startswith("one_cycle"):
        result["momenta"] = momenta
    return result


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    result = {"torch": torch.__version__, "base_rates": RATES, "schedulers": [record(name) for name in SCHEDULERS]}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "schedulers.json"), "w") as file:
        json.dump(result, file)
        file.write("\n")
