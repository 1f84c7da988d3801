"""Writes pytorch_*.pt, which CudaNet.Tests reads. Needs PyTorch 1.6 or later.

The numbers are those of formulas that the test repeats: element i of an array of kind k is i / 8 - 1 (floats), i - 3 (integers),
i (uint8) or i % 3 == 0 (bool).
"""

import os
from collections import OrderedDict

import torch

FOLDER = os.path.dirname(os.path.abspath(__file__))


def ramp(count, dtype):
    numbers = torch.arange(count)
    if dtype == torch.bool:
        return numbers % 3 == 0
    if dtype == torch.uint8:
        return numbers.to(dtype)
    return (numbers / 8 - 1 if dtype.is_floating_point else numbers - 3).to(dtype)


def save(name, contents, **options):
    torch.save(contents, os.path.join(FOLDER, f"pytorch_{name}.pt"), **options)


dtypes = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool"]
save("dtypes", OrderedDict((d, ramp(24, getattr(torch, d)).reshape(2, 3, 4)) for d in dtypes))

base = ramp(24, torch.float32).reshape(4, 6)
save(
    "views",
    OrderedDict(
        base=base,
        transposed=base.t(),
        column=base[:, 2],
        block=base[1:3, 2:5],
        every_second=base[::2, ::3],
        expanded=base[:1, :2].expand(3, 2),
        scalar=base[1, 1],
        empty=base[:, :0],
        tied=base,
    ),
)

model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(ramp(parameter.numel(), torch.float32).reshape(parameter.shape))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.25)
model(torch.ones(4, 3)).sum().backward()
optimizer.step()
save(
    "training",
    {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 7,
        "best": 0.5,
        "note": "größer",
        "finished": False,
        "none": None,
        "history": [1, 2.5, ("a", torch.Size([2, 3]))],
        "seed": 2**63 - 1,
        "parameter": torch.nn.Parameter(ramp(2, torch.float64)),
    },
)
save("protocol4", {"x": ramp(3, torch.float32), "text": "t" * 300}, pickle_protocol=4)
save("legacy", {"x": base, "y": base.t(), "half": ramp(4, torch.float16), "n": 5}, _use_new_zipfile_serialization=False)
save("int8", {"x": ramp(3, torch.int8)})
save("model", model)

layer = torch.nn.BatchNorm1d(4)
with torch.no_grad():
    for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
        tensor.copy_(ramp(4, torch.float32) + 2)
save("batch_norm", layer.state_dict())
