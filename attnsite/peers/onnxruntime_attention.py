"""ONNX Runtime's `Attention`, the operator that ONNX has had since opset 23, on its CPU provider.

A model of that one operator is built for the shape and opened as a session. Inputs and output are bound to the arrays'
own memory, so a call copies nothing in or out; `prepare` gives the same output array each time.

`is_causal` is aligned at the top left, so a boolean mask says bottom right where queries and keys differ in number; it
is an input, as it would be in an exported model. A session has its own threads, as many as `use_threads` said. They are
told to stop spinning after each call, because they would spin on through the next contestant's turn.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

# isort: split
import onnx  # second, so that the library that is missing first is the one that the peer is about

from attnsite.peers import _mask

DEVICE = "cpu"
OPSET = 23
_threads = [0]  # 0: as many as ONNX Runtime likes


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    out[...] = prepare(q, k, v, causal=causal)()


def prepare(q: np.ndarray, k: np.ndarray, v: np.ndarray, *, causal: bool) -> Callable[[], np.ndarray]:
    """The session, opened and bound: each call writes the same output (batch, heads, queries, dim) again."""
    queries, keys = q.shape[2], k.shape[2]
    if causal and queries > keys:
        raise NotImplementedError("ONNX leaves open what a row that sees no key gives")
    inputs = {"q": q, "k": k, "v": v}
    plain = _mask.needs_none(queries, keys, causal)
    if not plain and queries != keys:
        inputs["mask"] = _mask.bottom_right(queries, keys)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads[0]
    options.add_session_config_entry("session.force_spinning_stop", "1")
    model = _model(inputs, q.shape, is_causal=not plain and queries == keys)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    out, binding = np.empty_like(q), session.io_binding()
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in inputs.items()}
    for name, value in values.items():
        binding.bind_ortvalue_input(name, value)
    result = onnxruntime.OrtValue.ortvalue_from_numpy(out)
    binding.bind_ortvalue_output("out", result)

    def call() -> np.ndarray:
        session.run_with_iobinding(binding)
        return out

    return call


def use_threads(count: int) -> None:
    """The threads of sessions that are opened from now on."""
    _threads[0] = count


def _model(inputs: dict[str, np.ndarray], shape: tuple[int, ...], *, is_causal: bool) -> bytes:
    """One `Attention` node between arrays of these shapes."""
    types: Any = {"float32": onnx.TensorProto.FLOAT, "bool": onnx.TensorProto.BOOL}
    make = onnx.helper
    given = [make.make_tensor_value_info(name, types[str(a.dtype)], a.shape) for name, a in inputs.items()]
    made = [make.make_tensor_value_info("out", onnx.TensorProto.FLOAT, shape)]
    node = make.make_node("Attention", list(inputs), ["out"], is_causal=int(is_causal))
    graph = make.make_graph([node], "attention", given, made)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", OPSET)], ir_version=10)
    return bytes(model.SerializeToString())
