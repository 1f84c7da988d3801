"""Records log-probabilities, entropies, moments and divergences of torch.distributions, with gradients, into distributions.json.

Run with the PyTorch that is to be the reference: python3 make_distributions.py
"""

import json
import math
import os

import torch
from torch import distributions as d


def real(index, *shape):
    values = [math.sin(0.7 + 1.1 * i + 0.4 * index) for i in range(math.prod(shape))]
    return torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()


def positive(index, *shape):
    return (real(index, *shape).detach() * 0.6 + 1.1).requires_grad_()


def tril(index, *shape):
    return (torch.tril(real(index, *shape).detach()) + 1.5 * torch.eye(shape[-1])).requires_grad_()


def counts(*shape):
    return torch.tensor([float(i * i % 11) for i in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def bits(*shape):
    return torch.tensor([float(i % 3 == 0) for i in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def classes(*shape):
    return torch.tensor([i % 3 for i in range(math.prod(shape))]).reshape(shape)


def mixture(kind):
    return lambda logits, loc, scale: d.MixtureSameFamily(d.Categorical(logits=logits), kind(loc, scale))


def logistic(loc, scale):
    base = d.Uniform(torch.zeros_like(loc), torch.ones_like(loc), validate_args=False)
    return d.TransformedDistribution(base, [d.SigmoidTransform().inv, d.AffineTransform(loc, scale)])


# The distribution of some parameters, the parameters, and values of a batch of samples.
SINGLE = {
    "normal": (d.Normal, [real(0, 4), positive(1, 4)], real(9, 3, 4)),
    "multivariate_normal": (
        lambda loc, scale: d.MultivariateNormal(loc, scale_tril=torch.tril(scale)),
        [real(0, 2, 3), tril(1, 2, 3, 3)],
        real(9, 5, 2, 3),
    ),
    "independent_normal": (lambda a, b: d.Independent(d.Normal(a, b), 1), [real(0, 2, 4), positive(1, 2, 4)], real(9, 3, 2, 4)),
    "bernoulli": (lambda logits: d.Bernoulli(logits=logits), [real(0, 4)], bits(3, 4)),
    "categorical": (lambda logits: d.Categorical(logits=logits), [real(0, 4, 3)], classes(5, 4)),
    "laplace": (d.Laplace, [real(0, 4), positive(1, 4)], real(9, 3, 4)),
    "poisson": (d.Poisson, [positive(1, 4)], counts(3, 4)),
    "gumbel": (d.Gumbel, [real(0, 4), positive(1, 4)], real(9, 3, 4)),
    "logistic": (logistic, [real(0, 4), positive(1, 4)], real(9, 3, 4)),
    "von_mises": (
        d.VonMises,
        [real(0, 4), (3 * positive(1, 4).detach()).requires_grad_()],
        real(9, 3, 4),
    ),
    "normal_mixture": (mixture(d.Normal), [real(0, 2, 3), real(1, 2, 3), positive(2, 2, 3)], real(9, 4, 2)),
}
PAIRS = {
    "normal_normal": (d.Normal, 2, d.Normal, 2),
    "laplace_laplace": (d.Laplace, 2, d.Laplace, 2),
    "gumbel_gumbel": (d.Gumbel, 2, d.Gumbel, 2),
    "normal_laplace": (d.Normal, 2, d.Laplace, 2),
    "laplace_normal": (d.Laplace, 2, d.Normal, 2),
    "normal_gumbel": (d.Normal, 2, d.Gumbel, 2),
    "gumbel_normal": (d.Gumbel, 2, d.Normal, 2),
    "poisson_poisson": (d.Poisson, 1, d.Poisson, 1),
}


def parameters_of(count, index):
    return [positive(index, 4)] if count == 1 else [real(index, 4), positive(index + 1, 4)]


def gradients(output, parameters):
    weights = torch.tensor([math.cos(0.9 * i) for i in range(output.numel())], dtype=output.dtype)
    grads = torch.autograd.grad((output.flatten() * weights).sum(), parameters, allow_unused=True)
    return [[] if g is None else g.flatten().tolist() for g in grads]


def flat(tensor):
    return tensor.detach().flatten().tolist()


def record(name):
    make, parameters, values = SINGLE[name]
    distribution = make(*parameters)
    log_prob = distribution.log_prob(values.detach())
    result = {"name": name, "log_prob": flat(log_prob), "gradients": gradients(log_prob, parameters)}
    if name not in ("poisson", "logistic", "normal_mixture", "von_mises"):
        result["entropy"] = flat(distribution.entropy())
    if name not in ("categorical", "logistic"):
        result["mean"] = flat(distribution.mean)
        result["variance"] = flat(distribution.variance)
    return result


def record_pair(name):
    p, p_count, q, q_count = PAIRS[name]
    p_parameters, q_parameters = parameters_of(p_count, 0), parameters_of(q_count, 5)
    kl = d.kl_divergence(p(*p_parameters), q(*q_parameters))
    return {"name": name, "value": flat(kl), "gradients": gradients(kl, p_parameters + q_parameters)}


def record_other_pairs():
    cases = {
        "bernoulli_bernoulli": (lambda l: d.Bernoulli(logits=l), [real(0, 4)], [real(5, 4)]),
        "categorical_categorical": (lambda l: d.Categorical(logits=l), [real(0, 4, 3)], [real(5, 4, 3)]),
        "multivariate_normal_multivariate_normal": (
            SINGLE["multivariate_normal"][0],
            [real(0, 2, 3), tril(1, 2, 3, 3)],
            [real(5, 2, 3), tril(6, 2, 3, 3)],
        ),
        "independent_independent": (
            SINGLE["independent_normal"][0],
            [real(0, 2, 4), positive(1, 2, 4)],
            [real(5, 2, 4), positive(6, 2, 4)],
        ),
    }
    for name, (make, p, q) in cases.items():
        kl = d.kl_divergence(make(*p), make(*q))
        yield {"name": name, "value": flat(kl), "gradients": gradients(kl, p + q)}


if __name__ == "__main__":
    result = {
        "torch": torch.__version__,
        "single": [record(name) for name in SINGLE],
        "pairs": [record_pair(name) for name in PAIRS] + list(record_other_pairs()),
        "lgamma": flat(torch.lgamma(torch.tensor([0.1, 0.5, 1.0, 1.5, 2.0, 3.7, 7.9, 8.1, 30.0, 1e4], dtype=torch.float64))),
    }
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "distributions.json"), "w") as file:
        json.dump(result, file)
        file.write("\n")
