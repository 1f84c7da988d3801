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
    {"name": "adam_amsgrad", "kind": "adam", "lr": 0.02, "beta2": 0.9, "weight_decay": 0.1, "amsgrad": True},
    {"name": "adamw_amsgrad", "kind": "adamw", "lr": 0.02, "beta2": 0.9, "weight_decay": 0.1, "amsgrad": True},
    {"name": "adagrad", "kind": "adagrad", "lr": 0.1},
    {
        "name": "adagrad_all",
        "kind": "adagrad",
        "lr": 0.1,
        "lr_decay": 0.05,
        "weight_decay": 0.1,
        "initial_accumulator_value": 0.2,
        "eps": 1e-4,
    },
    {"name": "rmsprop", "kind": "rmsprop", "lr": 0.01},
    {"name": "rmsprop_momentum", "kind": "rmsprop", "lr": 0.01, "alpha": 0.9, "momentum": 0.8, "weight_decay": 0.1},
    {"name": "rmsprop_centered", "kind": "rmsprop", "lr": 0.01, "alpha": 0.95, "eps": 1e-3, "centered": True},
    {"name": "rmsprop_all", "kind": "rmsprop", "lr": 0.01, "alpha": 0.9, "eps": 0.01, "momentum": 0.5, "centered": True},
    {"name": "adadelta", "kind": "adadelta", "lr": 1.0},
    {"name": "adadelta_all", "kind": "adadelta", "lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1},
    {"name": "adamax", "kind": "adamax", "lr": 0.02},
    {"name": "adamax_all", "kind": "adamax", "lr": 0.02, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1},
    {"name": "radam", "kind": "radam", "lr": 0.02},
    {"name": "nadam", "kind": "nadam", "lr": 0.02},
    {
        "name": "nadam_all",
        "kind": "nadam",
        "lr": 0.02,
        "beta1": 0.8,
        "beta2": 0.9,
        "eps": 1e-3,
        "weight_decay": 0.1,
        "momentum_decay": 0.5,
    },
    {"name": "radam_all", "kind": "radam", "lr": 0.02, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.1},
]
KINDS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
    "adamax": torch.optim.Adamax,
    "radam": torch.optim.RAdam,
    "nadam": torch.optim.NAdam,
}
LBFGS = [
    {"name": "fixed", "problem": "logistic", "lr": 0.7, "max_iter": 3},
    {"name": "wolfe", "problem": "logistic", "lr": 1.0, "max_iter": 3, "line_search_fn": "strong_wolfe"},
    {
        "name": "short_history",
        "problem": "logistic",
        "lr": 0.8,
        "max_iter": 4,
        "history_size": 2,
        "line_search_fn": "strong_wolfe",
    },
    {"name": "rosenbrock", "problem": "rosenbrock", "lr": 1.0, "max_iter": 6, "line_search_fn": "strong_wolfe"},
]
LBFGS_STEPS = 8


def weight(parameter, i):
    return math.sin(1.0 + 0.7 * i + 2.0 * parameter)


def gradient(parameter, i, step):
    return math.cos(0.3 * i + 0.9 * parameter + 0.45 * step) * (1.0 + 0.1 * parameter)


def fill(formula, shape):
    return torch.tensor([formula(i) for i in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def optimizer(case, parameters):
    options = {k: v for k, v in case.items() if k not in ("name", "kind", "beta1", "beta2")}
    if case["kind"].startswith(("ada", "rad", "nad")) and case["kind"] not in ("adagrad", "adadelta"):
        options["betas"] = (case.get("beta1", 0.9), case.get("beta2", 0.999))
    if case["kind"] == "nadam":
        # The other path of PyTorch 1.13 counts a momentum twice, which later versions have put right.
        options["foreach"] = True
    return KINDS[case["kind"]](parameters, **options)


def record(case):
    # NAdam keeps the product of its momenta in the default dtype.
    torch.set_default_dtype(torch.float64 if case["kind"] == "nadam" else torch.float32)
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


def logistic(w, b):
    """Logistic regression of 20 points with an L2 penalty: smooth and convex."""
    x = fill(lambda i: math.sin(0.9 * (i // 3) + 1.3 * (i % 3)) + 0.1 * (i % 3), [20, 3])
    y = fill(lambda i: float(i % 3 == 0), [20])
    z = x @ w + b
    return (torch.nn.functional.softplus(z) - y * z).mean() + 0.05 * (w * w).sum()


def rosenbrock(w, b):
    chain = torch.cat([w, b])
    return (10 * (chain[1:] - chain[:-1] ** 2) ** 2 + (1 - chain[:-1]) ** 2).sum()


def record_lbfgs(case):
    w = torch.nn.Parameter(fill(lambda i: math.sin(1.0 + 0.7 * i), [3]))
    b = torch.nn.Parameter(fill(lambda i: -0.4, [1]))
    options = {k: v for k, v in case.items() if k not in ("name", "problem")}
    stepper = torch.optim.LBFGS([w, b], **options)
    loss_of = {"logistic": logistic, "rosenbrock": rosenbrock}[case["problem"]]

    def closure():
        stepper.zero_grad()
        loss = loss_of(w, b)
        loss.backward()
        return loss

    steps = []
    for _ in range(LBFGS_STEPS):
        loss = stepper.step(closure).item()
        steps.append({"loss": loss, "values": [*w.tolist(), *b.tolist()]})
    return {**case, "func_evals": stepper.state[w]["func_evals"], "steps": steps}


if __name__ == "__main__":
    result = {"torch": torch.__version__, "steps": STEPS, "shapes": SHAPES, "cases": [record(c) for c in CASES]}
    result["lbfgs"] = [record_lbfgs(c) for c in LBFGS]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.json"), "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
