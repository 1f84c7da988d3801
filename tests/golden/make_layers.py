"""Records PyTorch's normalisations, convolutions, paddings, poolings, upsamplings and element-wise losses, with first and second
gradients, into layers.json.

Run with the PyTorch that is to be the reference, in float64: python3 make_layers.py. Element i of input k is
sin((1.3 + 0.2 k) i + 0.3 + k), changed as FORMS says: [a, b] for a + b times that, "sign" for its sign; and of the output's
cotangent sin(0.8 i). A tensor is
recorded as its inner product with cos(0.9 i): one number, which any wrong element changes. The second gradients are those of
the sum of the first ones' inner products with cos(0.7 i).
"""

import json
import math
import os

import torch
import torch.nn.functional as F


def rms_norm(input, weight, normalized_shape, eps):
    """torch.nn.functional.rms_norm as its documentation has it; PyTorch 1.13 does not."""
    axes = tuple(range(-len(normalized_shape), 0))
    return input * torch.rsqrt(input.square().mean(axes, keepdim=True) + eps) * weight


def interpolate(mode):
    def run(input, output_size, align_corners=None):
        return F.interpolate(input, size=tuple(output_size), mode=mode, align_corners=align_corners)

    return run


def instance_norm(input, weight, bias, running_mean=None, running_var=None, eps=1e-5):
    return F.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats=running_mean is None, eps=eps
    )


def pad(input, pad, mode):
    return F.pad(input, pad, mode)


CASES = [
    ("rms_norm", rms_norm, {"input": [3, 2, 5], "weight": [2, 5]}, {"normalized_shape": [2, 5], "eps": 1e-3}),
    ("group_norm", F.group_norm, {"input": [2, 6, 3, 2], "weight": [6], "bias": [6]}, {"num_groups": 3, "eps": 1e-4}),
    ("group_norm", F.group_norm, {"input": [5, 8], "weight": [8], "bias": [8]}, {"num_groups": 2, "eps": 1e-5}),
    ("instance_norm", instance_norm, {"input": [2, 3, 4, 5], "weight": [3], "bias": [3]}, {"eps": 1e-5}),
    (
        "instance_norm",
        instance_norm,
        {"input": [2, 3, 5], "weight": [3], "bias": [3], "running_mean": [3], "running_var": [3]},
        {"eps": 1e-2},
    ),
    (
        "conv1d",
        F.conv1d,
        {"input": [2, 4, 11], "weight": [6, 2, 3], "bias": [6]},
        {"stride": [2], "padding": [1], "dilation": [2], "groups": 2},
    ),
    (
        "conv3d",
        F.conv3d,
        {"input": [2, 4, 5, 6, 7], "weight": [6, 2, 3, 2, 3], "bias": [6]},
        {"stride": [2, 1, 3], "padding": [1, 0, 2], "dilation": [1, 2, 1], "groups": 2},
    ),
    (
        "conv_transpose1d",
        F.conv_transpose1d,
        {"input": [2, 4, 5], "weight": [4, 3, 3], "bias": [6]},
        {"stride": [3], "padding": [1], "output_padding": [2], "groups": 2, "dilation": [2]},
    ),
    (
        "conv_transpose2d",
        F.conv_transpose2d,
        {"input": [2, 3, 4, 5], "weight": [3, 4, 3, 3], "bias": [4]},
        {"stride": [1], "padding": [1], "output_padding": [0], "groups": 1, "dilation": [1]},
    ),
    (
        "conv_transpose2d",
        F.conv_transpose2d,
        {"input": [2, 6, 4, 3], "weight": [6, 2, 3, 2], "bias": [4]},
        {"stride": [2, 3], "padding": [1, 0], "output_padding": [1, 2], "groups": 2, "dilation": [2, 1]},
    ),
    (
        "conv_transpose3d",
        F.conv_transpose3d,
        {"input": [1, 2, 3, 2, 4], "weight": [2, 3, 2, 3, 2], "bias": [3]},
        {"stride": [2, 2, 1], "padding": [0, 1, 1], "output_padding": [1, 0, 0], "groups": 1, "dilation": [1, 1, 2]},
    ),
    ("upsample_nearest2d", interpolate("nearest"), {"input": [2, 3, 4, 5]}, {"output_size": [9, 7]}),
    ("upsample_nearest2d", interpolate("nearest"), {"input": [1, 2, 6, 7]}, {"output_size": [3, 21]}),
    (
        "upsample_bilinear2d",
        interpolate("bilinear"),
        {"input": [2, 3, 4, 5]},
        {"output_size": [9, 3], "align_corners": False},
    ),
    (
        "upsample_bilinear2d",
        interpolate("bilinear"),
        {"input": [2, 3, 4, 5]},
        {"output_size": [7, 12], "align_corners": True},
    ),
    ("pad", pad, {"input": [2, 3, 5]}, {"pad": [2, 4], "mode": "reflect"}),
    ("pad", pad, {"input": [2, 3, 4, 5]}, {"pad": [3, 1, 0, 2], "mode": "reflect"}),
    ("pad", pad, {"input": [1, 2, 3, 4, 5]}, {"pad": [1, 4, 3, 0, 2, 1], "mode": "reflect"}),
    ("pad", pad, {"input": [2, 3, 5]}, {"pad": [6, 1], "mode": "replicate"}),
    ("pad", pad, {"input": [2, 3, 4, 5]}, {"pad": [3, 1, 0, 6], "mode": "replicate"}),
    ("pad", pad, {"input": [1, 2, 3, 4, 5]}, {"pad": [1, 4, 3, 0, 2, 7], "mode": "replicate"}),
    ("pad", pad, {"input": [2, 3, 5]}, {"pad": [5, 1], "mode": "circular"}),
    ("pad", pad, {"input": [2, 3, 4, 5]}, {"pad": [3, 1, 0, 4], "mode": "circular"}),
    ("pad", pad, {"input": [1, 2, 3, 4, 5]}, {"pad": [1, 5, 3, 0, 2, 3], "mode": "circular"}),
    (
        "max_pool2d",
        F.max_pool2d,
        {"input": [2, 3, 9, 8]},
        {"kernel_size": [3, 2], "stride": [2, 3], "padding": [1, 0], "dilation": [2, 1], "ceil_mode": True},
    ),
    (
        "max_pool3d",
        F.max_pool3d,
        {"input": [2, 3, 5, 6, 7]},
        {"kernel_size": [2, 3, 2], "stride": [1, 2, 3], "padding": [0, 1, 1], "dilation": [2, 1, 3], "ceil_mode": True},
    ),
    (
        "avg_pool2d",
        F.avg_pool2d,
        {"input": [2, 3, 9, 8]},
        {"kernel_size": [3, 2], "stride": [2, 3], "padding": [1, 0], "ceil_mode": True, "count_include_pad": False},
    ),
    (
        "avg_pool3d",
        F.avg_pool3d,
        {"input": [2, 3, 5, 6, 7]},
        {
            "kernel_size": [2, 3, 4],
            "stride": [1, 2, 3],
            "padding": [1, 0, 2],
            "ceil_mode": True,
            "count_include_pad": True,
        },
    ),
    (
        "avg_pool3d",
        F.avg_pool3d,
        {"input": [3, 6, 5, 4]},
        {"kernel_size": [3], "stride": [2], "padding": [1], "ceil_mode": True, "count_include_pad": False},
    ),
    ("adaptive_avg_pool3d", F.adaptive_avg_pool3d, {"input": [2, 3, 5, 6, 7]}, {"output_size": [2, 8, 3]}),
    ("adaptive_max_pool3d", F.adaptive_max_pool3d, {"input": [2, 3, 5, 6, 7]}, {"output_size": [4, 1, 9]}),
    ("upsample_nearest3d", interpolate("nearest"), {"input": [1, 2, 3, 4, 5]}, {"output_size": [5, 8, 3]}),
    (
        "upsample_trilinear3d",
        interpolate("trilinear"),
        {"input": [1, 2, 3, 4, 5]},
        {"output_size": [5, 3, 11], "align_corners": False},
    ),
    (
        "upsample_trilinear3d",
        interpolate("trilinear"),
        {"input": [1, 2, 3, 4, 5]},
        {"output_size": [2, 7, 10], "align_corners": True},
    ),
]


LOSSES = [
    ("mse_loss", F.mse_loss, ["input", "target"], [{}]),
    ("l1_loss", F.l1_loss, ["input", "target"], [{}]),
    ("huber_loss", F.huber_loss, ["input", "target"], [{"delta": 0.7}, {"delta": 2.0}]),
    ("smooth_l1_loss", F.smooth_l1_loss, ["input", "target"], [{"beta": 0.7}, {"beta": 2.0}]),
    ("kl_div", F.kl_div, ["input", "target"], [{"log_target": False}, {"log_target": True}]),
    (
        "poisson_nll_loss",
        F.poisson_nll_loss,
        ["input", "target"],
        [
            {"log_input": True, "full": False, "eps": 1e-8},
            {"log_input": False, "full": True, "eps": 1e-3},
        ],
    ),
    (
        "gaussian_nll_loss",
        F.gaussian_nll_loss,
        ["input", "target", "var"],
        [{"full": False, "eps": 1e-6}, {"full": True, "eps": 1.2}],
    ),
    ("soft_margin_loss", F.soft_margin_loss, ["input", "target"], [{}]),
    ("hinge_embedding_loss", F.hinge_embedding_loss, ["input", "target"], [{"margin": 0.5}]),
    ("margin_ranking_loss", F.margin_ranking_loss, ["input1", "input2", "target"], [{"margin": 0.5}]),
]
CASES += [
    (op, function, {name: [3, 4] for name in names}, {**setting, "reduction": reduction})
    for op, function, names, settings in LOSSES
    for setting in settings
    for reduction in ("none", "mean", "sum")
]

FORMS = {
    ("instance_norm", "running_var"): [1, 0.5],
    ("kl_div", "target"): [0.6, 0.5],
    ("poisson_nll_loss", "input"): [1.5, 0.7],
    ("poisson_nll_loss", "target"): [1.1, 1],
    ("gaussian_nll_loss", "var"): [1.2, 1],
    ("soft_margin_loss", "target"): "sign",
    ("hinge_embedding_loss", "target"): "sign",
    ("margin_ranking_loss", "target"): "sign",
}


def filled(shape, formula):
    count = math.prod(shape)
    return torch.tensor([formula(i) for i in range(count)], dtype=torch.float64).reshape(list(shape))


def inner(tensor, rate):
    return (tensor.flatten() * filled([tensor.numel()], lambda i: math.cos(rate * i))).sum()


def run(op, function, shapes, attributes):
    inputs = {}
    for k, (name, shape) in enumerate(shapes.items()):
        wave = filled(shape, lambda i: math.sin((1.3 + 0.2 * k) * i + 0.3 + k))
        form = FORMS.get((op, name), [0, 1])
        inputs[name] = torch.sign(wave) if form == "sign" else form[0] + form[1] * wave
    # PyTorch gives no gradient for running statistics, and a sign has none.
    wanted = [
        tensor.requires_grad_()
        for name, tensor in inputs.items()
        if not name.startswith("running") and FORMS.get((op, name)) != "sign"
    ]
    y = function(**inputs, **attributes)
    first = torch.autograd.grad(y, wanted, filled(y.shape, lambda i: math.sin(0.8 * i)), create_graph=True)
    total = sum(inner(g, 0.7) for g in first)
    # What is linear in one input has a first gradient that depends on nothing.
    second = torch.autograd.grad(total, wanted, allow_unused=True) if total.requires_grad else [None] * len(wanted)
    return {
        "op": op,
        "inputs": shapes,
        "forms": {name: FORMS[op, name] for name in shapes if (op, name) in FORMS},
        "attributes": {name: str(value).strip("[]").replace(" ", "").lower() for name, value in attributes.items()},
        "shape": list(y.shape),
        "output": inner(y.detach(), 0.9).item(),
        "first": [inner(g.detach(), 0.9).item() for g in first],
        "second": [0.0 if g is None else inner(g, 0.9).item() for g in second],
    }


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__, "cases": [run(*case) for case in CASES]}, file, indent=1)
    file.write("\n")
