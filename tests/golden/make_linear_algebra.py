"""Records PyTorch's decompositions and their gradients, of matrices made by formulas, into linear_algebra.json.

Run with the PyTorch that is to be the reference: python3 make_linear_algebra.py
"""

import json
import math
import os

import torch


def matrix(rows, columns):
    """Far from singular, and no two singular values alike."""
    values = [
        0.5 * math.sin(1.0 + 1.3 * i + 0.7 * j) + (2.0 * (j + 1) if i % rows == j else 0.0)
        for i in range(2 * rows)
        for j in range(columns)
    ]
    return torch.tensor(values, dtype=torch.float64).reshape(2, rows, columns).requires_grad_()


def weights(tensor, index):
    values = [math.cos(0.9 * i + index) for i in range(tensor.numel())]
    return torch.tensor(values, dtype=tensor.dtype).reshape(tensor.shape)


def positive_columns(columns):
    """The signs by which the largest element of each column becomes positive."""
    largest = columns.abs().argmax(-2, keepdim=True)
    return columns.gather(-2, largest).sign().detach()


def symmetric(a):
    return (a + a.mT) / 2


def svd(a):
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    signs = positive_columns(u)
    return u * signs, s, vh * signs.mT


def eigh(a):
    values, vectors = torch.linalg.eigh(symmetric(a))
    return values, vectors * positive_columns(vectors)


def qr(a):
    q, r = torch.linalg.qr(a)
    signs = r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2).detach()
    return q * signs, r * signs.mT


CASES = {
    "cholesky": (4, 4, lambda a: (torch.linalg.cholesky(symmetric(a)),)),
    "solve_triangular": (4, 4, lambda a: (torch.linalg.solve_triangular(a, weights(a[..., :2], 5), upper=True),)),
    "lu": (4, 4, lambda a: torch.linalg.lu(a)[1:]),
    "slogdet": (4, 4, lambda a: (torch.linalg.slogdet(-a)[1],)),
    "inverse": (4, 4, lambda a: (torch.linalg.inv(a),)),
    "solve": (4, 4, lambda a: (torch.linalg.solve(a, weights(a[..., :2], 5)),)),
    "qr": (5, 3, qr),
    "qr_wide": (3, 5, qr),
    "svd": (5, 3, svd),
    "svd_wide": (3, 5, svd),
    "eigh": (4, 4, eigh),
}


def record(name):
    rows, columns, function = CASES[name]
    a = matrix(rows, columns)
    outputs = function(a)
    loss = sum((o * weights(o, i)).sum() for i, o in enumerate(outputs))
    (gradient,) = torch.autograd.grad(loss, a, create_graph=True)
    (second,) = torch.autograd.grad((gradient * weights(gradient, 3)).sum(), a)
    return {
        "name": name,
        "rows": rows,
        "columns": columns,
        "outputs": [o.flatten().tolist() for o in outputs],
        "gradient": gradient.flatten().tolist(),
        "second": second.flatten().tolist(),
    }


if __name__ == "__main__":
    result = {"torch": torch.__version__, "cases": [record(name) for name in CASES]}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "linear_algebra.json"), "w") as file:
        json.dump(result, file)
        file.write("\n")
