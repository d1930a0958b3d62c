"""GPT-2 as an ONNX graph of the operators that ONNX Runtime has for it, keys and values included.

A graph takes `tokens` (B, T), `places` (T,), the lengths that GroupQueryAttention asks for, and a
buffer of keys and of values a layer; it gives the last position's logits and the same buffers.
"""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from pellucid.models import GPT
from pellucid.tree import flatten

MS = "com.microsoft"
BLOCK = 32
"""Weights that share a scale in MatMulNBits."""


class Graph:
    """Nodes and constants, as they are added."""

    def __init__(self, kind: str) -> None:
        self.kind, self.nodes, self.constants, self.count = kind, [], {}, 0

    def constant(self, name: str, values: Any) -> str:
        """A weight under its name."""
        array = np.array(values, order="C")
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(self, kind: str, inputs: list[str], *, outputs: int = 1, **attributes: Any) -> Any:
        """Add one operator; the names of its outputs, or the name of its only one."""
        self.count += 1
        names = [f"{kind}_{self.count}_{number}" for number in range(outputs)]
        domain = attributes.pop("domain", MS)
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names if outputs > 1 else names[0]

    def linear(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray | None) -> str:
        """x W + b with W (in, out), at the graph's kind of weights."""
        wide, out = weight.shape
        add = [] if bias is None else [self.constant(f"{name}.bias", bias)]
        if self.kind == "float32":
            made = self.node("MatMul", [x, self.constant(f"{name}.weight", weight)], domain="")
            return self.node("Add", [made, *add], domain="") if add else made
        if self.kind == "dynamic":
            scale = np.maximum(np.abs(weight).max(0), 1e-12) / 127
            whole = np.rint(weight / scale).astype(np.int8)
            names = [
                self.constant(f"{name}.weight", whole),
                self.constant(f"{name}.scale", scale.astype(np.float32)),
            ]
            return self.node("DynamicQuantizeMatMul", [x, *names, "", *add])
        bits = 8 if self.kind == "nbits8" else 4
        packed, scales = blockwise(weight, bits)
        names = [
            self.constant(f"{name}.weight", packed),
            self.constant(f"{name}.scale", scales),
        ]
        made = self.node(
            "MatMulNBits",
            [x, *names],
            K=wide,
            N=out,
            bits=bits,
            block_size=BLOCK,
            accuracy_level=4,  # activations in 8 bits
        )
        return self.node("Add", [made, *add], domain="") if add else made


def blockwise(weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Wᵀ in whole numbers around 2^(bits - 1), a scale for each block of inputs."""
    wide, out = weight.shape
    blocks = weight.T.reshape(out, wide // BLOCK, BLOCK)
    half = 1 << (bits - 1)
    widest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1, keepdims=True), -1)
    scale = np.where(widest == 0, 1, widest) / -half
    whole = np.clip(np.rint(blocks / scale) + half, 0, 2 * half - 1).astype(np.uint8)
    if bits == 4:
        whole = whole[..., 0::2] | (whole[..., 1::2] << 4)
    return whole, scale[..., 0].astype(np.float32)


def write_onnx(model: GPT, path: str, kind: str) -> None:
    """Write the graph; `kind` is float32, dynamic, nbits8 or nbits4."""
    config = model.config
    weights = {name: leaf.numpy() for name, leaf in flatten(model.params).items()}
    graph = Graph(kind)
    heads, size = config.n_head, config.n_embd // config.n_head
    table = graph.constant("wte", weights["wte.weight"])
    embedded = graph.node("Gather", [table, "tokens"], domain="")
    places = graph.constant("wpe", weights["wpe.weight"])
    placed = graph.node("Gather", [places, "places"], domain="")
    x = graph.node("Add", [embedded, placed], domain="")

    def norm(x: str, name: str) -> str:
        names = [graph.constant(f"{name}.{p}", weights[f"{name}.{p}"]) for p in ("weight", "bias")]
        return graph.node("LayerNormalization", [x, *names], domain="", axis=-1, epsilon=config.eps)

    def linear(x: str, name: str) -> str:
        return graph.linear(x, name, weights[f"{name}.weight"], weights[f"{name}.bias"])

    buffers = []
    for layer in range(config.n_layer):
        h = f"h.{layer}"
        qkv = linear(norm(x, f"{h}.ln_1"), f"{h}.attn.c_attn")
        z, keys, values = graph.node(
            "GroupQueryAttention",
            [qkv, "", "", f"key_{layer}", f"value_{layer}", "seqlens_k", "total"],
            outputs=3,
            num_heads=heads,
            kv_num_heads=heads,
        )
        buffers += [(f"key_{layer}", keys), (f"value_{layer}", values)]
        x = graph.node("Add", [x, linear(z, f"{h}.attn.c_proj")], domain="")
        inner = linear(norm(x, f"{h}.ln_2"), f"{h}.mlp.c_fc")
        bent = graph.node("FastGelu", [inner])
        x = graph.node("Add", [x, linear(bent, f"{h}.mlp.c_proj")], domain="")
    end = graph.constant("last", np.array(-1, np.int64))
    last = graph.node("Gather", [norm(x, "ln_f"), end], domain="", axis=1)
    if kind == "float32":  # the same table, read the other way round
        logits = graph.node("Gemm", [last, table], domain="", transB=1)
    else:
        logits = graph.linear(last, "lm_head", weights["wte.weight"].T, None)
    graph.nodes.append(helper.make_node("Identity", [logits], ["logits"]))

    def value(name: str, kind: int, shape: list[Any]) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    cache = ["B", heads, "S", size]
    inputs = [
        value("tokens", TensorProto.INT64, ["B", "T"]),
        value("places", TensorProto.INT64, ["T"]),
        value("seqlens_k", TensorProto.INT32, ["B"]),
        value("total", TensorProto.INT32, []),
        *(value(name, TensorProto.FLOAT, cache) for name, _ in buffers),
    ]
    outputs = [
        value("logits", TensorProto.FLOAT, ["B", config.vocab_size]),
        *(value(name, TensorProto.FLOAT, cache) for _, name in buffers),
    ]
    made = helper.make_graph(graph.nodes, "gpt2", inputs, outputs, list(graph.constants.values()))
    versions = [helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)]
    whole = helper.make_model(made, opset_imports=versions, ir_version=9)
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(whole.SerializeToString())
