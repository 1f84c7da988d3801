"""Records PyTorch's layers into modules.json: output, gradients and a training curve of each.

Run with the PyTorch that is to be the reference, in float64: python3 make_modules.py. Element i of the input is sin(1.3 i + 0.3),
of indices (7 i^2 + 2 i + 2) mod their number; of parameter k, in the order of named_parameters(), 0.4 sin((0.7 + 0.1 k) i + k) + 0.2,
and of the output's cotangent sin(0.8 i). A tensor is recorded as its inner product with cos(0.9 i): one number, which any wrong
element changes. The curve is the loss mean((output - cos(0.5 i))^2) before each of 50 steps of plain gradient descent by all
parameters (or, of a layer without any, by the input) with learning rate 0.1, every tenth one and the last. Buffers are recorded after it.
"""

import json
import math
import os

import torch
from torch import nn

CASES = [
    ("Linear", {"in_features": 5, "out_features": 3}, [4, 5]),
    ("Linear", {"in_features": 5, "out_features": 3, "bias": False}, [2, 3, 5]),
    ("Conv2d", {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "padding": 1}, [2, 2, 5, 4]),
    (
        "Conv2d",
        {
            "in_channels": 4,
            "out_channels": 6,
            "kernel_size": [3, 2],
            "stride": [2, 1],
            "padding": [1, 1],
            "dilation": [1, 2],
            "groups": 2,
            "bias": False,
        },
        [2, 4, 6, 7],
    ),
    *(
        (
            "Conv2d",
            {"in_channels": 2, "out_channels": 2, "kernel_size": 3, "padding": [1, 2], "padding_mode": mode},
            [1, 2, 4, 5],
        )
        for mode in ("reflect", "replicate", "circular")
    ),
    ("Conv1d", {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1, "groups": 2}, [2, 2, 7]),
    (
        "Conv3d",
        {"in_channels": 2, "out_channels": 3, "kernel_size": [2, 3, 2], "padding": [1, 0, 1], "padding_mode": "replicate"},
        [1, 2, 3, 4, 3],
    ),
    ("ConvTranspose1d", {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 2, "output_padding": 1}, [2, 2, 4]),
    (
        "ConvTranspose2d",
        {"in_channels": 4, "out_channels": 2, "kernel_size": [3, 2], "stride": 2, "padding": [1, 0], "groups": 2},
        [1, 4, 3, 4],
    ),
    (
        "ConvTranspose3d",
        {"in_channels": 2, "out_channels": 2, "kernel_size": 2, "stride": [1, 2, 1], "dilation": [1, 1, 2], "bias": False},
        [1, 2, 2, 3, 2],
    ),
    ("BatchNorm1d", {"num_features": 3}, [5, 3]),
    ("BatchNorm1d", {"num_features": 3, "momentum": 0.3, "eps": 1e-3}, [4, 3, 2]),
    ("BatchNorm2d", {"num_features": 3}, [2, 3, 4, 2]),
    ("BatchNorm2d", {"num_features": 3, "affine": False, "track_running_stats": False}, [2, 3, 4, 2]),
    ("InstanceNorm1d", {"num_features": 3, "affine": True}, [2, 3, 5]),
    ("InstanceNorm2d", {"num_features": 3}, [2, 3, 4, 2]),
    ("LayerNorm", {"normalized_shape": [3, 4]}, [2, 3, 4]),
    ("LayerNorm", {"normalized_shape": [4], "elementwise_affine": False, "eps": 1e-3}, [5, 4]),
    ("GroupNorm", {"num_groups": 2, "num_channels": 6}, [2, 6, 3]),
    ("Embedding", {"num_embeddings": 7, "embedding_dim": 3}, [4, 2]),
    ("Embedding", {"num_embeddings": 7, "embedding_dim": 3, "padding_idx": 2}, [6]),
    ("MaxPool1d", {"kernel_size": 3, "stride": 2, "padding": 1}, [2, 2, 7]),
    ("MaxPool3d", {"kernel_size": [2, 1, 2], "stride": [1, 2, 2]}, [1, 2, 3, 4, 5]),
    ("AvgPool1d", {"kernel_size": 3, "padding": 1}, [2, 2, 8]),
    ("AvgPool3d", {"kernel_size": 2, "padding": 1, "count_include_pad": False}, [1, 2, 3, 2, 4]),
    ("AdaptiveAvgPool1d", {"output_size": 3}, [2, 2, 7]),
    ("AdaptiveAvgPool3d", {"output_size": [2, 1, 3]}, [1, 2, 3, 4, 5]),
    ("AdaptiveMaxPool1d", {"output_size": 3}, [2, 2, 7]),
    ("AdaptiveMaxPool3d", {"output_size": [2, 1, 3]}, [1, 2, 3, 4, 5]),
    ("MaxPool2d", {"kernel_size": 2}, [2, 2, 5, 4]),
    ("MaxPool2d", {"kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 0], "ceil_mode": True}, [1, 2, 6, 5]),
    ("AvgPool2d", {"kernel_size": 3, "stride": 2, "padding": 1}, [2, 2, 5, 6]),
    ("AvgPool2d", {"kernel_size": 2, "padding": 1, "count_include_pad": False}, [1, 2, 3, 4]),
    ("AdaptiveAvgPool2d", {"output_size": [3, 2]}, [2, 2, 5, 7]),
    ("AdaptiveMaxPool2d", {"output_size": [3, 2]}, [2, 2, 5, 7]),
    ("Flatten", {"start_dim": 1}, [2, 3, 2]),
    ("Unflatten", {"dim": 1, "unflattened_size": [3, 2]}, [2, 6]),
    ("Identity", {}, [4]),
    ("ZeroPad2d", {"padding": [1, 2, 0, 1]}, [1, 2, 3, 3]),
    ("ReflectionPad1d", {"padding": [2, 1]}, [1, 2, 4]),
    ("ReflectionPad3d", {"padding": [1, 0, 2, 1, 0, 1]}, [1, 1, 3, 4, 2]),
    ("ReplicationPad1d", {"padding": [2, 1]}, [1, 2, 4]),
    ("ReplicationPad2d", {"padding": 3}, [1, 2, 3, 2]),
    ("ReplicationPad3d", {"padding": 1}, [1, 2, 2, 3, 2]),
    ("ReflectionPad2d", {"padding": 2}, [1, 2, 3, 4]),
    ("Dropout", {"p": 0.0}, [3, 4]),
    ("ReLU", {}, [11]),
    ("ReLU6", {}, [11]),
    ("Sigmoid", {}, [11]),
    ("Tanh", {}, [11]),
    ("ELU", {"alpha": 0.7}, [11]),
    ("SELU", {}, [11]),
    ("SiLU", {}, [11]),
    ("Mish", {}, [11]),
    ("GELU", {}, [11]),
    ("GELU", {"approximate": "tanh"}, [11]),
    ("Softplus", {"beta": 2.0, "threshold": 1.0}, [11]),
    ("Hardtanh", {"min_val": -0.5, "max_val": 0.25}, [11]),
    ("LeakyReLU", {"negative_slope": 0.2}, [11]),
    ("PReLU", {"num_parameters": 3}, [2, 3, 4]),
]


def filled(shape, formula):
    count = math.prod(shape)
    return torch.tensor([formula(i) for i in range(count)], dtype=torch.float64).reshape(list(shape))


def inner(tensor):
    return (tensor.detach().double().flatten() * filled([tensor.numel()], lambda i: math.cos(0.9 * i))).sum().item()


def run(name, config, shape):
    torch.manual_seed(0)
    module = getattr(nn, name)(**config).double()
    with torch.no_grad():
        for k, parameter in enumerate(module.parameters()):
            parameter.copy_(filled(parameter.shape, lambda i: 0.4 * math.sin((0.7 + 0.1 * k) * i + k) + 0.2))
    if name == "Embedding":
        x = torch.tensor([(7 * i * i + 2 * i + 2) % config["num_embeddings"] for i in range(math.prod(shape))])
        x = x.reshape(shape)
    else:
        x = filled(shape, lambda i: math.sin(1.3 * i + 0.3)).requires_grad_()
    y = module(x)
    parameters = dict(module.named_parameters())
    wanted = ({"input": x} if x.is_floating_point() else {}) | parameters
    gradients = torch.autograd.grad(y, list(wanted.values()), filled(y.shape, lambda i: math.sin(0.8 * i)))
    result = {
        "module": name,
        "config": {key: value for key, value in config.items()},
        "input": shape,
        "shape": list(y.shape),
        "output": inner(y),
        "gradients": {key: inner(g) for key, g in zip(wanted, gradients)},
    }
    trained = list(parameters.values()) or [x]
    target = filled(y.shape, lambda i: math.cos(0.5 * i))
    losses = []
    for _ in range(50):
        loss = (module(x) - target).square().mean()
        losses.append(loss.item())
        steps = torch.autograd.grad(loss, trained)
        with torch.no_grad():
            for tensor, step in zip(trained, steps):
                tensor.sub_(step, alpha=0.1)
    result["losses"] = losses[::10] + [losses[-1]]
    result["buffers"] = {key: inner(buffer) for key, buffer in module.named_buffers()}
    return result


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "modules.json")
with open(path, "w") as file:
    cases = [json.dumps(run(*case)) for case in CASES]
    file.write('{"torch": "%s", "cases": [\n%s\n]}\n' % (torch.__version__, ",\n".join(cases)))
