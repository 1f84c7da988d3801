"""Records what PyTorch gives for torch.nn.functional.conv2d: the output and the gradients of input, weight and bias.

Run with PyTorch 1.13 (float64, so that any later version gives the same to the digits printed); it prints the lines of the
table in tests/CudaNet.Tests/Ops/ConvTests.cs. Inputs come from formulas that the test repeats, in C order:
input[i] = sin(1.7 i + 0.3), weight[i] = cos(0.6 i), bias[i] = 0.5 + 0.25 i, and the output's cotangent sin(0.8 i).
"""

import math

import torch
import torch.nn.functional as F

CASES = [
    # input, weight, stride, padding, dilation, groups
    ((2, 3, 7, 9), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 4, 9, 8), (6, 2, 3, 2), (2, 3), (2, 0), (1, 2), 2),
    ((1, 5, 11, 6), (5, 1, 5, 3), (1, 2), (4, 1), (2, 1), 5),
]


def filled(shape, formula):
    count = math.prod(shape)
    return torch.tensor([formula(i) for i in range(count)], dtype=torch.float64).reshape(shape).requires_grad_()


def run(shape, weight_shape, stride, padding, dilation, groups):
    x = filled(shape, lambda i: math.sin(1.7 * i + 0.3))
    weight = filled(weight_shape, lambda i: math.cos(0.6 * i))
    bias = filled(weight_shape[:1], lambda i: 0.5 + 0.25 * i)
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    y.backward(filled(y.shape, lambda i: math.sin(0.8 * i)))
    # A projection keeps one number per tensor, and any wrong element changes it.
    return [
        (t.flatten() * filled(t.shape, lambda i: math.cos(0.9 * i)).flatten()).sum().item()
        for t in (y.detach(), x.grad, weight.grad, bias.grad)
    ]


if __name__ == "__main__":
    for case in CASES:
        *lists, groups = case
        arguments = [f"new long[] {{ {', '.join(map(str, values))} }}" for values in lists]
        numbers = [f"{value:.15g}" for value in run(*case)]
        print(f"[TestCase({', '.join([*arguments, str(groups), *numbers])})]")
