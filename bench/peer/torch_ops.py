"""What each row of the ops suite is in PyTorch. Started by ops.py, which see for the lines that it reads and writes."""

import ctypes
import itertools
import json
import os
import sys
import time

try:
    import torch
except ImportError as error:
    print(json.dumps({"error": f"{sys.executable} cannot import torch ({error})"}), flush=True)
    sys.exit(1)

WARM_UP_SECONDS = 0.05
ROTATED_BYTES = 256 << 20
DEVICE = os.environ.get("CUDANET_PEER_DEVICE", "cpu")
DTYPES = {"f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16}


def number(attributes, name, default):
    return int(attributes.get(name, default))


def pair(attributes, name, default):
    values = [int(v) for v in str(attributes.get(name, default)).replace("x", ",").split(",")]
    return values * 2 if len(values) == 1 else values


def conv(attributes):
    return {
        "stride": pair(attributes, "stride", 1),
        "padding": pair(attributes, "padding", 0),
        "dilation": pair(attributes, "dilation", 1),
        "groups": number(attributes, "groups", 1),
    }


def conv_backward(gradient, image, weight, attributes, mask):
    options = conv(attributes)
    return torch.ops.aten.convolution_backward(
        gradient, image, weight, None, options["stride"], options["padding"], options["dilation"],
        False, [0, 0], options["groups"], mask,
    )  # fmt: skip


def matmul(tensors, _):
    a, b = tensors
    return lambda: a @ b


def pointwise(function):
    return lambda tensors, _: lambda: function(*tensors)


def softmax(tensors, attributes):
    dim = number(attributes, "dim", -1)
    return lambda: torch.softmax(tensors[0], dim)


def softmax_backward(tensors, attributes):
    gradient, output = tensors
    dim = number(attributes, "dim", -1)
    return lambda: torch.ops.aten._softmax_backward_data(gradient, output, dim, output.dtype)


def layer_norm(tensors, _):
    x, weight, bias = tensors
    return lambda: torch.nn.functional.layer_norm(x, weight.shape, weight, bias)


def layer_norm_backward(tensors, _):
    gradient, x, weight, mean, rstd = tensors
    return lambda: torch.ops.aten.native_layer_norm_backward(
        gradient, x, weight.shape, mean[:, None], rstd[:, None], weight, torch.zeros_like(weight), [True, True, True]
    )


def rms_norm(tensors, _):
    x, weight = tensors
    eps = torch.finfo(x.dtype).eps
    if hasattr(torch.nn.functional, "rms_norm"):
        return lambda: torch.nn.functional.rms_norm(x, weight.shape, weight, eps)
    return lambda: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def group_norm(tensors, attributes):
    x, weight, bias = tensors
    groups = number(attributes, "num_groups", 1)
    return lambda: torch.nn.functional.group_norm(x, groups, weight, bias)


def conv2d(tensors, attributes):
    options = conv(attributes)
    return lambda: torch.nn.functional.conv2d(*tensors, **options)


def conv2d_backward_data(tensors, attributes):
    gradient, weight = tensors
    image = gradient.new_empty([int(n) for n in attributes["input_size"].split("x")])
    return lambda: conv_backward(gradient, image, weight, attributes, [True, False, False])


def conv2d_backward_filter(tensors, attributes):
    gradient, image = tensors
    weight = gradient.new_empty([int(n) for n in attributes["weight_size"].split("x")])
    return lambda: conv_backward(gradient, image, weight, attributes, [False, True, False])


def fastest(candidates):
    """Of several ways to write the same thing in PyTorch, the one that takes least time here."""
    return min(candidates, key=lambda call: min(measure(call, 0.05) for _ in range(3)))


def adam_step(parameters, attributes, foreach):
    return torch.optim.Adam(parameters, lr=float(attributes.get("lr", 1e-3)), foreach=foreach)


def adam(tensors, attributes):
    def candidate(foreach):
        parameters = [t.clone().requires_grad_() for t in tensors]
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter)
        return adam_step(parameters, attributes, foreach).step

    return fastest([candidate(False), candidate(True)])


def mlp_step(tensors, attributes):
    inputs, targets = tensors
    widths = [int(n) for n in attributes["widths"].split("x")]
    activation = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[attributes["activation"]]

    def candidate(foreach):
        layers = []
        for i, (rows, columns) in enumerate(zip(widths, widths[1:])):
            layers += [activation()] if i > 0 else []
            layers.append(torch.nn.Linear(rows, columns))
        model = torch.nn.Sequential(*layers)
        optimizer = adam_step(model.parameters(), attributes, foreach)

        def step():
            loss = torch.nn.functional.mse_loss(model(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

        return step

    return fastest([candidate(False), candidate(True)])


def recurrent_step(tensors, attributes):
    x = tensors[0].requires_grad_()
    units = number(attributes, "units", 0)
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[attributes["kind"]](x.shape[-1], units)

    def step():
        x.grad = None
        layer.zero_grad(set_to_none=True)
        layer(x)[0].sum().backward()

    return step


def recorded_add(tensors, _):
    a, b = (t.requires_grad_() for t in tensors)
    return lambda: a + b


def add_and_backward(tensors, _):
    a, b = (t.requires_grad_() for t in tensors)

    def step():
        total = a + b
        a.grad = b.grad = None
        total.backward()

    return step


def avg_pool2d(tensors, attributes):
    return lambda: torch.nn.functional.avg_pool2d(tensors[0], number(attributes, "kernel_size", 2))


TASKS = {
    "matmul": matmul,
    "conv2d": conv2d,
    "conv2d_backward_data": conv2d_backward_data,
    "conv2d_backward_filter": conv2d_backward_filter,
    "add": pointwise(torch.add),
    "exp": pointwise(torch.exp),
    "tanh": pointwise(torch.tanh),
    "gelu": pointwise(torch.nn.functional.gelu),
    "sum": pointwise(torch.sum),
    "softmax": softmax,
    "softmax_backward": softmax_backward,
    "layer_norm": layer_norm,
    "layer_norm_backward": layer_norm_backward,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "avg_pool2d": avg_pool2d,
    "adam": adam,
    "mlp_step": mlp_step,
    "recurrent_step": recurrent_step,
    "recorded_add": recorded_add,
    "add_and_backward": add_and_backward,
}

RECORDED = {"adam", "mlp_step", "recurrent_step", "recorded_add", "add_and_backward"}


def prepare(row):
    if row["task"] not in TASKS:
        raise ValueError(f"there is no PyTorch version of '{row['task']}' in torch_ops.py")
    torch.manual_seed(1)
    torch.set_grad_enabled(row["task"] in RECORDED)
    dtype = DTYPES[row.get("dtype", "f32")]

    def draw():
        return [torch.randn(shape, device=DEVICE).to(dtype) for shape in row["shapes"]]

    task, attributes, tensors = TASKS[row["task"]], row["attributes"], draw()
    calls = [task(tensors, attributes)]
    if DEVICE == "cuda" and row["task"] not in RECORDED:
        # Further sets of inputs, so that none is found in the caches, as on our side.
        copies = min(63, ROTATED_BYTES // sum(t.numel() * t.element_size() for t in tensors))
        calls += [task(draw(), attributes) for _ in range(copies)]
    following = itertools.cycle(calls)

    def call():
        next(following)()

    call = calls[0] if len(calls) == 1 else call
    measure(call, WARM_UP_SECONDS)
    return call


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def measure(call, seconds):
    """Seconds for one call, over as many as fit into the time, after one that brings data and threads back."""

    def times(count):
        start = time.perf_counter()
        for _ in range(count):
            call()
        wait()
        return (time.perf_counter() - start) / count

    once = times(1)
    if once < seconds / 4:
        once = times(1)
    return times(max(1, int(seconds / max(once, 1e-7))))


def blas():
    """The library that PyTorch calls, and the processor that it has chosen its kernels for."""
    try:
        with open("/proc/self/maps", encoding="ascii", errors="replace") as file:
            path = next(line.split()[-1] for line in file if "openblas" in line)
        library = ctypes.CDLL(path)
        library.openblas_get_config.restype = ctypes.c_char_p
        words = library.openblas_get_config().decode().split()
        return " ".join(words[:2])
    except (OSError, StopIteration, AttributeError):
        return "MKL" if torch.backends.mkl.is_available() else "unknown"


def main():
    if DEVICE == "cuda":
        # As PyTorch comes: f32 products in f32, and cuDNN choosing its fastest algorithm.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
    about = {
        "version": f"PyTorch {torch.__version__}",
        "blas": f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}" if DEVICE == "cuda" else blas(),
        "capability": torch.cuda.get_device_name()
        if DEVICE == "cuda"
        else torch.__config__.show().split("CPU capability usage: ")[-1].split()[0],
    }
    print(json.dumps(about), flush=True)
    call = None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if "prepare" in question:
                call = prepare(question["prepare"])
                answer = {}
            else:
                answer = {"seconds": measure(call, question["time"])}
        except Exception as error:  # whatever it is, the other side is to hear of it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
