"""Records what PyTorch gives for activation functions and for element-wise ops with gradients: values and gradients.

Run with PyTorch 1.13 (float64); it prints the lines of the table in tests/CudaNet.Tests/Ops/ActivationTests.cs. The input is
x[i] = 3 sin(1.7 i + 0.3) and the second operand p[i] = 1.5 + cos(1.3 i), both of shape (3, 4, 2) in C order. Value and gradients are multiplied by cos(0.9 i) and added up: any wrong element changes the sum.
"""

import math

import torch
import torch.nn.functional as F

SHAPE = (3, 4, 2)
COUNT = math.prod(SHAPE)

CASES = {
    "leaky_relu": lambda x: F.leaky_relu(x),
    "leaky_relu 0.2": lambda x: F.leaky_relu(x, 0.2),
    "rrelu in evaluation": lambda x: F.rrelu(x, training=False),
    "elu": lambda x: F.elu(x),
    "elu 0.7": lambda x: F.elu(x, 0.7),
    "selu": lambda x: F.selu(x),
    "silu": lambda x: F.silu(x),
    "mish": lambda x: F.mish(x),
    "softplus": lambda x: F.softplus(x),
    "softplus 2 3": lambda x: F.softplus(x, 2, 3),
    "gelu": lambda x: F.gelu(x),
    "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
    "hardtanh": lambda x: F.hardtanh(x),
    "relu6": lambda x: F.relu6(3 * x),
    "softmax": lambda x: F.softmax(x, 1),
    "clamp": lambda x: torch.clamp(x, -1.5, 0.5),
    "erf": torch.erf,
    "expm1": torch.expm1,
    "log1p": lambda x: torch.log1p(x + 4),
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "sign": torch.sign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "trunc": torch.trunc,
}

BINARY = {
    # One slope per channel: the first number of each.
    "prelu": lambda x, p: F.prelu(x, p[0, :, 0]),
    "swish": lambda x, p: x * torch.sigmoid(p * x),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "fmod": torch.fmod,
    "remainder": torch.remainder,
}


def filled(f):
    return torch.tensor([f(i) for i in range(COUNT)], dtype=torch.float64).reshape(SHAPE)


if __name__ == "__main__":
    probe = filled(lambda i: math.cos(0.9 * i))
    for name, function in {**CASES, **BINARY}.items():
        x = filled(lambda i: 3 * math.sin(1.7 * i + 0.3)).requires_grad_()
        p = filled(lambda i: 1.5 + math.cos(1.3 * i)).requires_grad_()
        y = function(x) if name in CASES else function(x, p)
        y.backward(probe)
        second = 0.0 if p.grad is None else (p.grad * probe).sum().item()
        numbers = [(y.detach() * probe).sum().item(), (x.grad * probe).sum().item(), second]
        print(f'[TestCase("{name}", {", ".join(f"{n:.15g}" for n in numbers)})]')
