"""Records PyTorch's convolutional layers, whose padding has four modes, into conv_layers.json.

Run with the PyTorch that is to be the reference, in float64: python3 make_conv_layers.py. The layers take 4 channels to 6 in 2
groups, over one, two or three axes, with the lists below cut to that number. Element i of input, weight and bias is
sin(1.3 i + 0.3), cos(0.6 i) and 0.5 + 0.25 i, and of the output's cotangent sin(0.8 i). A tensor is recorded as its inner product
with cos(0.9 i): one number, which any wrong element changes.
"""

import json
import math
import os

import torch

KERNEL, STRIDE, PADDING, DILATION = [3, 2, 3], [2, 1, 2], [1, 2, 3], [1, 2, 1]
EXTENTS = [7, 6, 5]


def filled(shape, formula):
    count = math.prod(shape)
    return torch.tensor([formula(i) for i in range(count)], dtype=torch.float64).reshape(list(shape))


def run(kind, axes, mode):
    lists = {"stride": STRIDE[:axes], "padding": PADDING[:axes], "dilation": DILATION[:axes]}
    if kind == "ConvTranspose":
        lists["output_padding"] = [1, 0, 1][:axes]
    layer = getattr(torch.nn, f"{kind}{axes}d")(4, 6, KERNEL[:axes], groups=2, padding_mode=mode, **lists).double()
    layer.load_state_dict(
        {
            "weight": filled(layer.weight.shape, lambda i: math.cos(0.6 * i)),
            "bias": filled(layer.bias.shape, lambda i: 0.5 + 0.25 * i),
        }
    )
    x = filled([2, 4, *EXTENTS[:axes]], lambda i: math.sin(1.3 * i + 0.3)).requires_grad_()
    y = layer(x)
    y.backward(filled(y.shape, lambda i: math.sin(0.8 * i)))
    tensors = (y.detach(), x.grad, layer.weight.grad, layer.bias.grad)
    results = [(t.flatten() * filled([t.numel()], lambda i: math.cos(0.9 * i))).sum().item() for t in tensors]
    return {"kind": kind, "axes": axes, "mode": mode, "shape": list(y.shape), "results": results}


cases = [run("Conv", axes, mode) for axes in (1, 2, 3) for mode in ("zeros", "reflect", "replicate", "circular")]
cases += [run("ConvTranspose", axes, "zeros") for axes in (1, 2, 3)]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conv_layers.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__, "cases": cases}, file, indent=1)
    file.write("\n")
