"""Writes numpy.npz and numpy_compressed.npz, which CudaNet.Tests reads, and checks .npz files that CudaNet wrote.

Usage: make_npz.py            write the two files beside this script
       make_npz.py A.npz ...  load each file with numpy and print name, dtype, shape and sum of every array
"""

import os
import sys

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))


def arrays():
    ramp = np.arange(24).reshape(2, 3, 4)
    return {
        "f4": ramp.astype("<f4") / 8,
        "f8_big": ramp.astype(">f8") / 8,
        "f2": ramp.astype("<f2"),
        "i8_fortran": np.asfortranarray(ramp.astype("<i8")),
        "i4_big_fortran": np.asfortranarray(ramp.astype(">i4")),
        "u1": ramp.astype("u1"),
        "b1": ramp % 3 == 0,
        "scalar": np.float32(2.5),
        "empty": np.zeros((2, 0, 4), "<f4"),
    }


if len(sys.argv) == 1:
    np.savez(os.path.join(FOLDER, "numpy.npz"), **arrays())
    np.savez_compressed(os.path.join(FOLDER, "numpy_compressed.npz"), **arrays())
for path in sys.argv[1:]:
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            print(name, file[name].dtype.str, file[name].shape, file[name].astype("f8").sum())
