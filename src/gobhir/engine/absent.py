"""What PyTorch has and Gobhir leaves out on purpose: whoever asks for it hears that, and what to
do. `gobhir.fft`, `import gobhir.fft` and `x.to_sparse()` are answered from the one list below."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from gobhir.engine.tensor import Tensor
from gobhir.lang import Message, say

_LEFT_OUT = {
    "complex": """complex complex32 complex64 complex128 chalf cfloat cdouble fft stft istft polar
        imag view_as_real view_as_complex Tensor.imag Tensor.cfloat Tensor.cdouble Tensor.chalf
        Tensor.stft Tensor.istft""",
    "sparse": """sparse sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor
        sparse_bsc_tensor sparse_compressed_tensor sparse_coo sparse_csr sparse_csc sparse_bsr
        sparse_bsc hspmm smm spmm saddmm sspaddmm optim.SparseAdam Tensor.to_sparse
        Tensor.to_sparse_coo Tensor.to_sparse_csr Tensor.to_sparse_csc Tensor.to_dense
        Tensor.coalesce Tensor.is_coalesced Tensor.indices Tensor.values Tensor.crow_indices
        Tensor.col_indices Tensor.sparse_mask Tensor.sparse_dim Tensor.dense_dim""",
    "dtype": """bfloat16 BFloat16Tensor float8_e4m3fn float8_e5m2 int4 uint4 Tensor.bfloat16""",
    "unsigned": "uint16 uint32 uint64",
    "quantized": """quantization ao quantize_per_tensor quantize_per_channel qint8 quint8 qint32
        dequantize nn.quantized nn.qat nn.quantizable nn.intrinsic Tensor.dequantize
        Tensor.int_repr Tensor.q_scale Tensor.q_zero_point""",
    "vmap": "vmap func.vmap",
    "distributed": """distributed multiprocessing futures utils.data.distributed
        utils.data.DistributedSampler nn.parallel.DistributedDataParallel""",
    "compiled": "jit fx export compiler _dynamo _inductor",
    "onnx": "onnx",
    "download": "hub utils.model_zoo",
    "tensorboard": "utils.tensorboard",
    "profiler": "profiler autograd.profiler utils.benchmark utils.bottleneck",
    "ragged": "nested masked Tensor.to_padded_tensor",
    "forward_mode": "autograd.forward_ad",
    "pickle": "package",
}
_WHY = {name: why for why, names in _LEFT_OUT.items() for name in names.split()}
_INSTEAD = {
    "eig": "linalg.eig",
    "lstsq": "linalg.lstsq",
    "lu": "linalg.lu_factor",
    "matrix_rank": "linalg.matrix_rank",
    "solve": "linalg.solve",
    "symeig": "linalg.eigh",
    "Tensor.eig": "linalg.eig",
    "Tensor.lstsq": "linalg.lstsq",
    "Tensor.lu": "linalg.lu_factor",
    "Tensor.solve": "linalg.solve",
    "Tensor.symeig": "linalg.eigh",
}
"""What PyTorch itself gave up, and what took its place."""


def reason(path: str) -> Message | None:
    """Why `path`, as in "utils.tensorboard", is not there; None where that is no decision."""
    if path in _INSTEAD:
        return say("errors.absent.moved", name=path, new=_INSTEAD[path])
    if path.startswith(("cuda.", "accelerator.")):
        return say("errors.absent.cuda", name=path)
    why = _WHY.get(path)
    return None if why is None else say(f"errors.absent.{why}", name=path)  # keys: errors.absent.*


def missing(module: str, name: str) -> AttributeError:
    """The error for a name that `module` does not have."""
    why = reason(f"{module}.{name}".removeprefix("gobhir."))
    if why is None:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    return AttributeError(why, name=None, obj=None)  # so that Python guesses at no other name


class _Absent:
    """A method that is left out. hasattr says no; a `__getattr__` of Tensor's would slow down
    every attribute that it has."""

    def __init__(self, path: str):
        self.path = path

    def __get__(self, x: Any, owner: type) -> NoReturn:
        raise AttributeError(reason(self.path), name=None, obj=None)


for _path in (*_WHY, *_INSTEAD):
    if _path.startswith("Tensor."):
        setattr(Tensor, _path.removeprefix("Tensor."), _Absent(_path))


class _Importer:
    """Python asks it last, for modules that nobody else has found."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """None. ModuleNotFoundError, with the reason, for a module that is left out."""
        if name.startswith("gobhir."):
            why = reason(name.removeprefix("gobhir."))
            if why is not None:
                raise ModuleNotFoundError(why)


sys.meta_path.append(_Importer)
