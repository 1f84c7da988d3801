"""Records what PyTorch gives for torch.nn.functional.cross_entropy: loss and gradient of the logits.

Run with PyTorch 1.13 (float64, so that any later version gives the same to the digits printed); it prints the lines of the
table in tests/CudaNet.Tests/Ops/CrossEntropyTests.cs. Inputs come from a formula that the test repeats:
logits[i] = 3 sin(1.7 i + 0.3), target[i] = (7 i² + 2 i + 2) mod classes, weight[c] = 0.5 + 0.25 c, in C order.
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


def run(shape, weighted, ignore, reduction, smoothing):
    count = math.prod(shape)
    logits = torch.tensor([3 * math.sin(1.7 * i + 0.3) for i in range(count)], dtype=torch.float64)
    logits = logits.reshape(shape).requires_grad_()
    axis = 0 if len(shape) == 1 else 1
    classes = shape[axis]
    rows = shape[:axis] + shape[axis + 1 :]
    target = torch.tensor([(7 * i * i + 2 * i + 2) % classes for i in range(math.prod(rows))]).reshape(rows)
    weight = torch.tensor([0.5 + 0.25 * c for c in range(classes)], dtype=torch.float64) if weighted else None
    loss = F.cross_entropy(logits, target, weight, ignore_index=ignore, reduction=reduction, label_smoothing=smoothing)
    # Every loss has a cotangent of its own where they are not added up.
    cotangent = torch.arange(1, loss.numel() + 1, dtype=torch.float64).reshape(loss.shape)
    loss.backward(cotangent)
    # A projection keeps one number per gradient, and any wrong element changes it.
    probe = torch.tensor([math.cos(0.9 * i) for i in range(count)], dtype=torch.float64)
    return (loss.detach() * cotangent).sum().item(), (logits.grad.flatten() * probe).sum().item()


if __name__ == "__main__":
    for case in CASES:
        shape, weighted, ignore, reduction, smoothing = case
        loss, gradient = run(*case)
        text = ", ".join(str(n) for n in shape)
        print(
            f"[TestCase(new long[] {{ {text} }}, {str(weighted).lower()}, {ignore}, Reduction.{reduction.capitalize()}, "
            f"{smoothing}, {loss:.15g}, {gradient:.15g})]"
        )
