"""Records 50 steps of PyTorch's optimisers, from weights and gradients made by formulas, into optimizers.json.

Run with the PyTorch that is to be the reference: python3 make_optimizers.py
"""

import json
import math
import os

import torch

STEPS = 50
SHAPES = [[3, 4], [5]]
CASES = [
    {"name": "sgd", "kind": "sgd", "lr": 0.1},
    {"name": "sgd_momentum", "kind": "sgd", "lr": 0.05, "momentum": 0.9},
    {"name": "sgd_all", "kind": "sgd", "lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.02},
    {"name": "sgd_nesterov", "kind": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
    {"name": "adam", "kind": "adam", "lr": 0.01},
    {"name": "adam_l2", "kind": "adam", "lr": 0.02, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.1},
    {"name": "adamw", "kind": "adamw", "lr": 0.01, "weight_decay": 0.01},
    {"name": "adamw_all", "kind": "adamw", "lr": 0.02, "beta1": 0.7, "beta2": 0.99, "eps": 1e-4, "weight_decay": 0.3},
]


def weight(parameter, i):
    return math.sin(1.0 + 0.7 * i + 2.0 * parameter)


def gradient(parameter, i, step):
    return math.cos(0.3 * i + 0.9 * parameter + 0.45 * step) * (1.0 + 0.1 * parameter)


def fill(formula, shape):
    return torch.tensor([formula(i) for i in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def optimizer(case, parameters):
    options = {k: v for k, v in case.items() if k in ("lr", "momentum", "dampening", "weight_decay", "nesterov", "eps")}
    if case["kind"] == "sgd":
        return torch.optim.SGD(parameters, **options)
    options["betas"] = (case.get("beta1", 0.9), case.get("beta2", 0.999))
    return (torch.optim.Adam if case["kind"] == "adam" else torch.optim.AdamW)(parameters, **options)


def record(case):
    parameters = [
        torch.nn.Parameter(fill(lambda i, p=p: weight(p, i), shape)) for p, shape in enumerate(SHAPES)
    ]
    stepper = optimizer(case, parameters)
    trajectory = []
    for step in range(STEPS):
        for p, parameter in enumerate(parameters):
            parameter.grad = fill(lambda i, p=p: gradient(p, i, step), SHAPES[p])
            # The second parameter sits out two steps, so that counts per parameter show.
            if p == 1 and step in (7, 20):
                parameter.grad = None
        stepper.step()
        if step in (0, 1, 7, 8, STEPS - 1):
            trajectory.append({"step": step, "values": [p.detach().flatten().tolist() for p in parameters]})
    return {**case, "trajectory": trajectory}


if __name__ == "__main__":
    result = {"torch": torch.__version__, "steps": STEPS, "shapes": SHAPES, "cases": [record(c) for c in CASES]}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.json"), "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
