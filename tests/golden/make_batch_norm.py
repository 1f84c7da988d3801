"""Records PyTorch's batch and instance normalisation, trained on two batches made by formulas and then evaluated, into batch_norm.json.

Run with the PyTorch that is to be the reference: python3 make_batch_norm.py
"""

import json
import math
import os

import torch

CASES = [
    {"name": "matrix", "shape": [4, 3], "eps": 1e-5, "momentum": 0.1},
    {"name": "sequence", "shape": [2, 3, 5], "eps": 1e-3, "momentum": 0.25},
    {"name": "image", "shape": [3, 2, 2, 4], "eps": 1e-5, "momentum": 0.1},
    {"name": "instances of a sequence", "shape": [2, 3, 5], "eps": 1e-3, "momentum": 0.25},
    {"name": "instances of an image", "shape": [3, 2, 2, 4], "eps": 1e-5, "momentum": 0.1},
]


def fill(formula, shape):
    return torch.tensor([formula(i) for i in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def batch(number, shape):
    return fill(lambda i: 0.4 * number + (1 + 0.5 * number) * math.sin(1.3 * i + number), shape)


def flat(tensor):
    return [float(v) for v in tensor.flatten()]


def run(layer, x, cotangent):
    x.requires_grad_()
    y = layer(x)
    gradients = torch.autograd.grad(y, [x, layer.weight, layer.bias], cotangent)
    return {"output": flat(y), "gradients": [flat(g) for g in gradients]}


def record(case):
    shape = case["shape"]
    family = "InstanceNorm" if case["name"].startswith("instances") else "BatchNorm"
    kind = getattr(torch.nn, family + ("2d" if len(shape) == 4 else "1d"))
    layer = kind(
        shape[1],
        eps=case["eps"],
        momentum=case["momentum"],
        affine=True,
        track_running_stats=True,
        dtype=torch.float64,
    )
    with torch.no_grad():
        layer.weight.copy_(fill(lambda i: 1 + 0.3 * i, [shape[1]]))
        layer.bias.copy_(fill(lambda i: 0.2 * i - 0.1, [shape[1]]))
    cotangent = fill(lambda i: math.cos(0.7 * i), shape)
    steps = [run(layer, batch(number, shape), cotangent) for number in range(2)]
    layer.eval()
    steps.append(run(layer, batch(0, shape), cotangent))
    return {
        **case,
        "steps": steps,
        "running_mean": flat(layer.running_mean),
        "running_var": flat(layer.running_var),
        "num_batches_tracked": int(layer.num_batches_tracked),
    }


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "batch_norm.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__, "cases": [record(case) for case in CASES]}, file, indent=1)
    file.write("\n")
