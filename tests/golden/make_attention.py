"""Records what PyTorch gives for scaled dot-product attention: output and gradients, each projected on one number.

Run with PyTorch 1.13 (float64, so that any later version gives the same to the digits printed); it prints the lines of the table
in tests/CudaNet.Tests/Ops/AttentionTests.cs. Where 1.13's own function has what a line needs, it is used, and elsewhere its
formula. Inputs come from formulas that the test repeats, in C order: query sin(1.7 i + 0.3), key sin(1.3 i + 0.7),
value cos(1.1 i + 0.2), an added mask sin(2.1 i), a mask of booleans (7 i² + 3 i) mod 5 ≠ 1, the output's cotangent
cos(0.7 i + 0.1). Projections are on cos(0.9 i).
"""

import math

import torch
import torch.nn.functional as F

CASES = [
    # axes before the matrices, heads that share a key, L, S, E, Ev, causal, mask, shape of the mask, lengths, scale (0: default)
    ((2, 3), 1, 5, 7, 4, 4, False, "none", (), (), 0.0),
    ((2, 3), 1, 7, 7, 4, 6, True, "none", (), (), 0.0),
    ((1, 2), 1, 9, 4, 3, 3, True, "none", (), (), 0.0),
    ((1, 2), 1, 4, 9, 3, 3, True, "none", (), (), 0.7),
    ((2, 4), 2, 6, 5, 8, 8, False, "none", (), (), 0.0),
    ((2, 2), 1, 5, 6, 4, 4, False, "bool", (2, 1, 5, 6), (), 0.0),
    ((2, 2), 1, 5, 6, 4, 4, False, "float", (5, 6), (), 0.0),
    ((2, 2), 1, 5, 6, 4, 4, True, "float", (2, 2, 1, 6), (), 0.0),
    ((3, 2), 1, 5, 6, 4, 4, False, "none", (), (1, 4, 6), 0.0),
    ((2, 2), 2, 70, 70, 40, 40, True, "none", (), (33, 70), 0.0),
    ((1,), 1, 66, 130, 32, 32, False, "none", (), (), 0.0),
]


def filled(shape, f):
    return torch.tensor([f(i) for i in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def attention(query, key, value, causal, mask, lengths, scale):
    plain = scale == 0 and not lengths and query.shape[-3] == key.shape[-3]
    if plain and not (causal and mask is not None):
        return F._scaled_dot_product_attention(query, key, value, mask, is_causal=causal)[0]
    group = query.shape[-3] // key.shape[-3]
    key, value = key.repeat_interleave(group, -3), value.repeat_interleave(group, -3)
    scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
    if mask is not None:
        scores = scores + mask
    rows, columns = scores.shape[-2:]
    if causal:
        scores = scores.masked_fill(torch.ones(rows, columns).tril() == 0, -math.inf)
    if lengths:
        hidden = torch.arange(columns) >= torch.tensor(lengths)[:, None]
        scores = scores.masked_fill(hidden[:, None, None, :], -math.inf)
    return torch.softmax(scores, -1) @ value


def run(leading, group, rows, columns, size, value_size, causal, kind, mask_shape, lengths, scale):
    shared = leading[:-1] + (leading[-1] // group,)
    query = filled(leading + (rows, size), lambda i: math.sin(1.7 * i + 0.3)).requires_grad_()
    key = filled(shared + (columns, size), lambda i: math.sin(1.3 * i + 0.7)).requires_grad_()
    value = filled(shared + (columns, value_size), lambda i: math.cos(1.1 * i + 0.2)).requires_grad_()
    mask = None
    if kind == "float":
        mask = filled(mask_shape, lambda i: math.sin(2.1 * i)).requires_grad_()
    elif kind == "bool":
        mask = filled(mask_shape, lambda i: (7 * i * i + 3 * i) % 5 != 1).bool()
    output = attention(query, key, value, causal, mask, lengths, scale)
    output.backward(filled(output.shape, lambda i: math.cos(0.7 * i + 0.1)))
    wanted = [output.detach(), query.grad, key.grad, value.grad]
    wanted.append(mask.grad if kind == "float" else torch.zeros(1, dtype=torch.float64))
    return [(x * filled(x.shape, lambda i: math.cos(0.9 * i))).sum().item() for x in wanted]


def word(value):
    if isinstance(value, tuple):
        return f"new long[] {{ {', '.join(map(str, value))} }}" if value else "new long[0]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:.15g}"


if __name__ == "__main__":
    for case in CASES:
        print(f"[TestCase({', '.join(map(word, list(case) + run(*case)))})]")
