"""Times PyTorch for `cudanet bench --suite ops --peer`, one row at a time.

It starts one worker for each environment that may be the fastest for PyTorch, and keeps all of them stopped except the one that is
asked: a worker whose OpenMP threads wait actively would take the processor from whoever is measured. It speaks JSON, one object a line:

    -> {"prepare": {"task": "matmul", "shapes": [[64, 64], [64, 64]], "attributes": {}}, "threads": 1}
    <- {"environment": "OPENBLAS_CORETYPE=Haswell"}                 the fastest worker for this row has been chosen
    -> {"time": 0.02}
    <- {"seconds": 3.1e-05}                                        for one call, measured for about 0.02 s

An answer {"error": "..."} says what went wrong. It ends when its input does.
"""

import json
import os
import signal
import subprocess
import sys

CALIBRATION_SECONDS = 0.03
CALIBRATIONS = 3
THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 1  # of the rows to come; 0 for a GPU
THREAD_VARIABLES = ("OPENBLAS_", "OMP_", "GOMP_", "MKL_", "KMP_", "ATEN_", "GOTO_")


def vector_flags():
    """The processor's instruction sets, as the kernel names them."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            return next(line for line in file if line.startswith("flags")).split()
    except (OSError, StopIteration):
        return []


def environments(threads):
    """What is worth trying: PyTorch's and OpenBLAS's best code for this machine, threads that wait actively or asleep. No threads: a GPU."""
    if threads == 0:
        yield {"CUDANET_PEER_DEVICE": "cuda"}
        return
    flags = vector_flags()
    if "avx512f" in flags:
        capability, cores = "avx512", ["SKYLAKEX"]
    elif "avx2" in flags:
        # OpenBLAS has kernels for both; which is faster depends on the product's shape.
        capability, cores = "avx2", ["Haswell", "Zen"]
    else:
        capability, cores = None, [None]
    for core in cores:
        for policy in ["active", "passive"] if threads > 1 else [None]:
            chosen = {
                "ATEN_CPU_CAPABILITY": capability,
                "OPENBLAS_CORETYPE": core,
                "OMP_WAIT_POLICY": policy,
                "OMP_NUM_THREADS": str(threads),
                "OPENBLAS_NUM_THREADS": str(threads),
            }
            yield {name: value for name, value in chosen.items() if value is not None}


class Worker:
    """PyTorch in an environment of its own, stopped unless it is asked something."""

    def __init__(self, environment):
        self.environment = environment
        # What the shell says about BLAS and OpenMP is not the peer's fault: OPENBLAS_L2_SIZE, say, halves its speed when wrong.
        clean = {k: v for k, v in os.environ.items() if not k.startswith(THREAD_VARIABLES)}
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_ops.py")
        self.process = subprocess.Popen(
            [sys.executable, script],
            env={**clean, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.about = self._read()
        self.process.send_signal(signal.SIGSTOP)

    def ask(self, question):
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
            return self._read()
        finally:
            self.process.send_signal(signal.SIGSTOP)

    def end(self):
        self.process.kill()
        self.process.wait()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            return {"error": f"PyTorch's process ended ({self.process.wait()})"}
        return json.loads(line)


class Peer:
    """All workers, and the one that serves the present row."""

    def __init__(self):
        self.workers = {}
        self.chosen = None

    def start(self, threads):
        if threads not in self.workers:
            self.workers[threads] = [Worker(environment) for environment in environments(threads)]
        return self.workers[threads]

    def about(self):
        return self.start(THREADS)[0].about

    def answer(self, question):
        if "prepare" in question:
            return self.prepare(question["prepare"], question["threads"])
        return self.chosen.ask(question)

    def prepare(self, row, threads):
        workers = self.start(threads)
        for worker in workers:
            answer = worker.ask({"prepare": row})
            if "error" in answer:
                return answer
        best = {}
        for _ in range(CALIBRATIONS):
            for worker in workers:
                answer = worker.ask({"time": CALIBRATION_SECONDS})
                if "error" in answer:
                    return answer
                best[worker] = min(best.get(worker, float("inf")), answer["seconds"])
        self.chosen = min(best, key=best.get)
        return {"environment": " ".join(f"{k}={v}" for k, v in self.chosen.environment.items())}

    def end(self):
        for workers in self.workers.values():
            for worker in workers:
                worker.end()


def main():
    peer = Peer()
    try:
        print(json.dumps(peer.about()), flush=True)
        for line in sys.stdin:
            print(json.dumps(peer.answer(json.loads(line))), flush=True)
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        peer.end()


if __name__ == "__main__":
    main()
