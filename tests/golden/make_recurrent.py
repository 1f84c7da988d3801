"""Records what PyTorch gives for one layer of nn.LSTM, nn.GRU and nn.RNN in one direction, packed sequences included.

Run with PyTorch 1.13 (float64, so that any later version gives the same to the digits printed); it prints the lines of the table
in tests/CudaNet.Tests/Ops/RecurrentTests.cs. Tensors come from formulas that the test repeats: element i, in C order, of tensor k
is 0.8 sin(1.7 i + 0.3 + k), with k = 0 for the input, 1 and 2 for h0 and c0, 3 and 4 for weight_ih and weight_hh, 5 and 6 for
bias_ih and bias_hh. The loss is the sum of output cos(0.9 i), h_n cos(0.7 i) and c_n cos(0.5 i); each gradient is multiplied by
cos(0.9 i) and added up.
"""

import math

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

STEPS, BATCH, FEATURES, UNITS = 5, 3, 4, 3
LENGTHS = [3, 5, 1]


def formula(shape, k):
    values = [0.8 * math.sin(1.7 * i + 0.3 + k) for i in range(math.prod(shape))]
    return torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()


def probe(tensor, frequency):
    weights = torch.tensor([math.cos(frequency * i) for i in range(tensor.numel())], dtype=torch.float64)
    return (tensor.reshape(-1) * weights).sum()


def run(kind, nonlinearity, with_lengths, reverse):
    if kind == "rnn":
        layer = torch.nn.RNN(FEATURES, UNITS, nonlinearity=nonlinearity, bidirectional=True)
    else:
        layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](FEATURES, UNITS, bidirectional=True)
    layer = layer.double()
    x, h0, c0 = formula((STEPS, BATCH, FEATURES), 0), formula((BATCH, UNITS), 1), formula((BATCH, UNITS), 2)
    suffix = "_reverse" if reverse else ""
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    parameters = [getattr(layer, name + suffix) for name in names]
    with torch.no_grad():
        for k, parameter in enumerate(parameters):
            parameter.copy_(formula(parameter.shape, 3 + k))
    states = [torch.stack([torch.zeros_like(s), s] if reverse else [s, torch.zeros_like(s)]) for s in (h0, c0)]
    fed = pack_padded_sequence(x, LENGTHS, enforce_sorted=False) if with_lengths else x
    state = tuple(states) if kind == "lstm" else states[0]
    output, last = layer(fed, state)
    if with_lengths:
        output, _ = pad_packed_sequence(output, total_length=STEPS)
    last = last if kind == "lstm" else (last,)
    direction = 1 if reverse else 0
    own = output[..., direction * UNITS : (direction + 1) * UNITS]
    loss = probe(own, 0.9) + probe(last[0][direction], 0.7)
    if kind == "lstm":
        loss = loss + probe(last[1][direction], 0.5)
    leaves = [x, h0] + ([c0] if kind == "lstm" else []) + parameters
    gradients = torch.autograd.grad(loss, leaves)
    numbers = ", ".join(f"{float(v):.14g}" for v in [loss] + [probe(g, 0.9) for g in gradients])
    activation = {"tanh": "RnnNonlinearity.Tanh", "relu": "RnnNonlinearity.Relu"}[nonlinearity]
    flags = f"{str(with_lengths).lower()}, {str(reverse).lower()}"
    print(f'    [TestCase("{kind}", {activation}, {flags}, new[] {{ {numbers} }})]')


for kind, nonlinearity in (("lstm", "tanh"), ("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu")):
    for with_lengths in (False, True):
        for reverse in (False, True):
            run(kind, nonlinearity, with_lengths, reverse)
