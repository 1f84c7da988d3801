"""Records what PyTorch gives for cross_entropy, nll_loss and binary_cross_entropy_with_logits: loss and gradient of the input.

Run with PyTorch 1.13 (float64, so that any later version gives the same to the digits printed); it prints the lines of the
tables in tests/CudaNet.Tests/Ops/CrossEntropyTests.cs, NllLossTests.cs and BceWithLogitsTests.cs. Inputs come from a formula that the test repeats:
logits[i] = 3 sin(1.7 i + 0.3), target[i] = (7 i² + 2 i + 2) mod classes, weight[c] = 0.5 + 0.25 c, in C order.
Binary targets are (1 + cos(2.3 i)) / 2, their weights, along the last axis, 0.5 + 0.25 c and 2 - 0.25 c.

It also writes losses.json, which tests/CudaNet.Tests/Nn/RecordedLossTests.cs reads: the modules of MODULES by name, with their inputs (FORMULAS says what
element i of input k is), and, as inner products with cos(0.9 i), the loss and its gradients with respect to each input that has one, for the
cotangent 1, 2, ... . A weight of classes or elements is 0.5 + 0.25 c.
"""

import json
import math
import os

import torch
import torch.nn.functional as F

CASES = [
    # shape of the logits, weighted, ignored class, reduction, label smoothing
    ((4, 5), False, -100, "mean", 0.0),
    ((4, 5), True, -100, "mean", 0.0),
    ((4, 5), True, 2, "mean", 0.0),
    ((4, 5), False, 2, "sum", 0.1),
    ((4, 5), True, 2, "mean", 0.1),
    ((2, 3, 2), True, 1, "mean", 0.2),
    ((2, 3, 2), False, -100, "sum", 0.0),
    ((6,), True, -100, "mean", 0.3),
    ((4, 5), True, 2, "none", 0.1),
]


BINARY_CASES = [
    # shape, weighted, positive class weighted, reduction
    ((4, 5), False, False, "mean"),
    ((4, 5), True, False, "mean"),
    ((4, 5), False, True, "sum"),
    ((2, 3, 2), True, True, "none"),
]


FORMULAS = {
    "number": lambda i, k: 1.5 * math.sin(1.3 * i + 0.7 * k + 0.3),
    "log": lambda i, k: -0.1 - (1 + math.sin(1.7 * i + k)),
    "probability": lambda i, k: 0.5 + 0.45 * math.sin(1.1 * i + 0.9 * k + 0.2),
    "positive": lambda i, k: 1.7 + 1.4 * math.cos(0.7 * i + 0.4 * k),
    "sign": lambda i, k: 1.0 if math.sin(2.1 * i + 0.4) > 0 else -1.0,
    "class": lambda i, k: (7 * i * i + 2 * i + 2) % 5,
}

# Name, options, shapes and formulas of the inputs. A * behind a formula asks for the gradient.
MODULES = [
    ("MSELoss", {}, [([4, 5], "number*"), ([4, 5], "number*")]),
    ("L1Loss", {}, [([4, 5], "number*"), ([4, 5], "number*")]),
    ("SmoothL1Loss", {"beta": 0.7}, [([4, 5], "number*"), ([4, 5], "number*")]),
    ("HuberLoss", {"delta": 0.6}, [([4, 5], "number*"), ([4, 5], "number*")]),
    ("CrossEntropyLoss", {}, [([4, 5], "number*"), ([4], "class")]),
    ("CrossEntropyLoss", {"weight": 5, "label_smoothing": 0.2}, [([4, 5], "number*"), ([4], "class")]),
    ("CrossEntropyLoss", {"ignore_index": 2, "label_smoothing": 0.1}, [([2, 5, 3], "number*"), ([2, 3], "class")]),
    ("NLLLoss", {"weight": 5}, [([4, 5], "log*"), ([4], "class")]),
    ("NLLLoss", {"ignore_index": 1}, [([4, 5], "log*"), ([4], "class")]),
    ("BCELoss", {}, [([3, 4], "probability*"), ([3, 4], "probability")]),
    ("BCELoss", {"weight": 4}, [([3, 4], "probability*"), ([3, 4], "probability")]),
    ("BCEWithLogitsLoss", {}, [([3, 4], "number*"), ([3, 4], "probability")]),
    ("BCEWithLogitsLoss", {"weight": 4, "pos_weight": 4}, [([3, 4], "number*"), ([3, 4], "probability")]),
    ("KLDivLoss", {}, [([3, 4], "log*"), ([3, 4], "probability")]),
    ("KLDivLoss", {"log_target": True}, [([3, 4], "log*"), ([3, 4], "log")]),
    ("PoissonNLLLoss", {}, [([3, 4], "number*"), ([3, 4], "positive")]),
    ("PoissonNLLLoss", {"log_input": False, "full": True}, [([3, 4], "positive*"), ([3, 4], "positive")]),
    ("GaussianNLLLoss", {}, [([3, 4], "number*"), ([3, 4], "number*"), ([3, 4], "positive*")]),
    ("GaussianNLLLoss", {"full": True, "eps": 0.5}, [([3, 4], "number*"), ([3, 4], "number*"), ([3, 4], "positive*")]),
    ("SoftMarginLoss", {}, [([3, 4], "number*"), ([3, 4], "sign")]),
    ("MultiLabelSoftMarginLoss", {}, [([3, 4], "number*"), ([3, 4], "probability")]),
    ("HingeEmbeddingLoss", {"margin": 0.8}, [([3, 4], "number*"), ([3, 4], "sign")]),
    ("MarginRankingLoss", {"margin": 0.3}, [([7], "number*"), ([7], "number*"), ([7], "sign")]),
    ("CosineEmbeddingLoss", {}, [([5, 3], "number*"), ([5, 3], "number*"), ([5], "sign")]),
    ("CosineEmbeddingLoss", {"margin": -0.4}, [([5, 3], "number*"), ([5, 3], "positive*"), ([5], "sign")]),
    ("TripletMarginLoss", {}, [([5, 3], "number*"), ([5, 3], "number*"), ([5, 3], "number*")]),
    ("TripletMarginLoss", {"margin": 2.5, "p": 1.0}, [([5, 3], "number*"), ([5, 3], "number*"), ([5, 3], "positive*")]),
    (
        "TripletMarginLoss",
        {"margin": 2.0, "p": 3.0, "eps": 1e-3, "swap": True},
        [([5, 3], "number*"), ([5, 3], "positive*"), ([5, 3], "number*")],
    ),
    ("CosineSimilarity", {"dim": 1}, [([2, 4, 3], "number*"), ([2, 4, 3], "number*")]),
    ("CosineSimilarity", {"dim": -1, "eps": 1e-3}, [([4, 3], "number*"), ([4, 3], "number*")]),
]


def inner(tensor):
    probe = torch.tensor([math.cos(0.9 * i) for i in range(tensor.numel())], dtype=torch.float64)
    return (tensor.detach().flatten() * probe).sum().item()


def run_module(name, options, inputs, reduction):
    given = {
        option: torch.tensor([0.5 + 0.25 * c for c in range(value)], dtype=torch.float64)
        if option.endswith("weight")
        else value
        for option, value in options.items()
    }
    if reduction is not None:
        given["reduction"] = reduction
    tensors = []
    for k, (shape, formula) in enumerate(inputs):
        values = [FORMULAS[formula.rstrip("*")](i, k) for i in range(math.prod(shape))]
        tensor = torch.tensor(values, dtype=torch.int64 if formula == "class" else torch.float64).reshape(shape)
        tensors.append(tensor.requires_grad_(formula.endswith("*")))
    loss = getattr(torch.nn, name)(**given)(*tensors)
    loss.backward(torch.arange(1, loss.numel() + 1, dtype=torch.float64).reshape(loss.shape))
    return {
        "module": name,
        "options": options | ({} if reduction is None else {"reduction": reduction}),
        "inputs": [{"shape": shape, "formula": formula} for shape, formula in inputs],
        "shape": list(loss.shape),
        "loss": inner(loss),
        "gradients": [inner(x.grad) for x in tensors if x.requires_grad],
    }


def record_modules():
    cases = []
    for name, options, inputs in MODULES:
        for reduction in [None] if name == "CosineSimilarity" else ["mean", "sum", "none"]:
            cases.append(json.dumps(run_module(name, options, inputs, reduction)))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses.json"), "w") as file:
        file.write('{"torch": "%s", "cases": [\n%s\n]}\n' % (torch.__version__, ",\n".join(cases)))


def run_binary(shape, weighted, positive, reduction):
    count = math.prod(shape)
    logits = torch.tensor([3 * math.sin(1.7 * i + 0.3) for i in range(count)], dtype=torch.float64)
    logits = logits.reshape(shape).requires_grad_()
    target = torch.tensor([(1 + math.cos(2.3 * i)) / 2 for i in range(count)], dtype=torch.float64)
    target = target.reshape(shape).requires_grad_()
    last = range(shape[-1])
    weight = torch.tensor([0.5 + 0.25 * c for c in last], dtype=torch.float64) if weighted else None
    pos_weight = torch.tensor([2 - 0.25 * c for c in last], dtype=torch.float64) if positive else None
    loss = F.binary_cross_entropy_with_logits(logits, target, weight, reduction=reduction, pos_weight=pos_weight)
    return summarise(loss, logits, target)


def run(shape, weighted, ignore, reduction, smoothing, log_probabilities=False):
    count = math.prod(shape)
    logits = torch.tensor([3 * math.sin(1.7 * i + 0.3) for i in range(count)], dtype=torch.float64)
    logits = logits.reshape(shape).requires_grad_()
    axis = 0 if len(shape) == 1 else 1
    classes = shape[axis]
    rows = shape[:axis] + shape[axis + 1 :]
    target = torch.tensor([(7 * i * i + 2 * i + 2) % classes for i in range(math.prod(rows))]).reshape(rows)
    weight = torch.tensor([0.5 + 0.25 * c for c in range(classes)], dtype=torch.float64) if weighted else None
    if log_probabilities:
        loss = F.nll_loss(logits, target, weight, ignore_index=ignore, reduction=reduction)
    else:
        loss = F.cross_entropy(
            logits, target, weight, ignore_index=ignore, reduction=reduction, label_smoothing=smoothing
        )
    return summarise(loss, logits)


def summarise(loss, *inputs):
    # Every loss has a cotangent of its own where they are not added up.
    cotangent = torch.arange(1, loss.numel() + 1, dtype=torch.float64).reshape(loss.shape)
    loss.backward(cotangent)
    # A projection keeps one number per gradient, and any wrong element changes it.
    probe = torch.tensor([math.cos(0.9 * i) for i in range(inputs[0].numel())], dtype=torch.float64)
    return [(loss.detach() * cotangent).sum().item()] + [(x.grad.flatten() * probe).sum().item() for x in inputs]


def line(shape, *values):
    words = [f"new long[] {{ {', '.join(str(n) for n in shape)} }}"]
    for value in values:
        if isinstance(value, bool):
            words.append(str(value).lower())
        elif isinstance(value, str):
            words.append(f"Reduction.{value.capitalize()}")
        else:
            words.append(f"{value:.15g}")
    print(f"[TestCase({', '.join(words)})]")


if __name__ == "__main__":
    for case in CASES:
        line(*case, *run(*case))
    for *case, smoothing in CASES:
        if smoothing == 0 or case[-1] == "none":
            line(*case, *run(*case, smoothing, log_probabilities=True))
    for case in BINARY_CASES:
        line(*case, *run_binary(*case))
    record_modules()
