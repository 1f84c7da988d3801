"""Records what PyTorch gives for cross_entropy, nll_loss and binary_cross_entropy_with_logits: loss and gradient of the input.

Run with PyTorch 1.13 (float64, so that any later version gives the same to the digits printed); it prints the lines of the
tables in tests/CudaNet.Tests/Ops/CrossEntropyTests.cs, NllLossTests.cs and BceWithLogitsTests.cs. Inputs come from a formula that the test repeats:
logits[i] = 3 sin(1.7 i + 0.3), target[i] = (7 i² + 2 i + 2) mod classes, weight[c] = 0.5 + 0.25 c, in C order.
Binary targets are (1 + cos(2.3 i)) / 2, their weights, along the last axis, 0.5 + 0.25 c and 2 - 0.25 c.
"""

import math

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
