"""Somebody's Llama in NumPy, in which one can make mistakes: what `pellucid compare` is tried on.

It knows nothing of Pellucid but the names under which it dumps its arrays. Every mistake is made in
all layers, and the backward is that of the mistaken forward.
"""

import math

import numpy as np

from tests.port.activations import SLOPES, by_sigmoid
from tests.port.blocks import BLOCKS
from tests.port.gpt2 import Port
from tests.port.heads import HEADS
from tests.port.norms import RMS_NORM, RmsNorms

MISTAKES = (
    *("rope_pairs", "rope_mixed", "rope_reversed", "rope_from_1", "no_rope", "no_rope_k"),
    *("rope_k_twice", "rope_base_1e4", "rope_base_5e5", "rope_base_3e5", "no_rope_scaling"),
    *("rope_not_undone", "rope_turned_on"),
    *("positions_restart_from", "positions_stay_0_from", "positions_ahead_from"),
    *("kv_heads_tiled", "kv_first_head", "kv_heads_clamped"),
    *("kv_grad_first", "kv_grad_last", "kv_grad_mean"),
    *RMS_NORM,
    *HEADS,
    *BLOCKS,
    *SLOPES,
    *("gate_up_exchanged", "gate_up_swapped", "gelu_tanh_for_silu", "gelu_erf_for_silu"),
    *("quick_gelu_for_silu", "relu_for_silu", "no_activation_for_silu", "silu_slope_for_silu"),
    *("qkv_grad_q", "qkv_grad_k", "qkv_grad_v", "mlp_grad_gate", "mlp_grad_up"),
    *("window_one_more", "window_one_less", "no_window", "no_qk_norm"),
    *("embedding_scaled", "embedding_times_5", "embedding_grad_assigned", "untied_head"),
    *("logit_cap_3", "grad_without_tied_head", "grad_without_embedding"),
)
BASES = {"rope_base_1e4": 1e4, "rope_base_5e5": 5e5, "rope_base_3e5": 3e5}


class LlamaPort(RmsNorms, Port):
    """One run: parameters, the mistakes that are made, and all that is dumped."""

    MISTAKES = MISTAKES
    RIGHT, AFTER = staticmethod(by_sigmoid), "_for_silu"

    def __init__(self, params, settings, mistakes=(), dtype=np.float32):
        super().__init__(params, settings["n_head"], mistakes, settings["eps"], dtype)
        self.n_kv_head, self.base = settings["n_kv_head"], settings["rope_base"]
        self.factor, self.window = settings.get("factor", 1.0), settings.get("window")
        for mistake, base in BASES.items():
            self.base = base if self.made(mistake) else self.base
        for at in {name.rpartition(".mlp.")[0] for name in self.p if "gate_proj" in name}:
            if self.made("gate_up_swapped"):
                gate, up = f"{at}.mlp.gate_proj.weight", f"{at}.mlp.up_proj.weight"
                self.p[gate], self.p[up] = self.p[up], self.p[gate]
        self.factor = 1.0 if self.made("no_rope_scaling") else self.factor
        if self.window:
            self.window += self.made("window_one_more") - self.made("window_one_less")
            self.window = None if self.made("no_window") else self.window

    # -- linear ------------------------------------------------------------------------------

    def linear(self, at, x):
        y = self.matmul(x, self.p[f"{at}.weight"])
        bias = self.p.get(f"{at}.bias")
        y = y if bias is None else y + bias
        return self.put(f"{at}.out", self.drop(at, y) if at.endswith("c_proj") else y)

    def linear_back(self, at, x, dy):
        dy = self.drop(at, dy) if at.endswith("c_proj") else dy
        flat_x, flat_dy = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
        self.g[f"{at}.weight"] = self.matmul(flat_x.T, flat_dy)
        if f"{at}.bias" in self.p:
            self.g[f"{at}.bias"] = flat_dy.sum(0)
        self.put(f"d{at}.out", dy)
        return self.matmul(dy, self.p[f"{at}.weight"].T)

    # -- rotary positions --------------------------------------------------------------------

    def angles(self, length):
        size = self.p["h.0.attn.q_proj.weight"].shape[1] // self.n_head
        steps = np.arange(0, size, 2).astype(self.dtype) / self.dtype(size)
        frequencies = self.dtype(self.base) ** -steps / self.dtype(self.factor)
        angles = self.places(length).astype(self.dtype)[:, None] * frequencies
        self.dump(frequencies=frequencies)
        self.put("rope.angles", angles)
        self.cos, self.sin = self.put("rope.cos", np.cos(angles)), np.sin(angles)
        self.put("rope.sin", self.sin)

    def places(self, length):
        return super().places(length) + self.made("rope_from_1")

    def parts(self, x):
        return (x[..., 0::2], x[..., 1::2]) if self.made("rope_pairs") else np.split(x, 2, -1)

    def whole(self, first, second):
        if self.made("rope_pairs"):
            return np.stack([first, second], -1).reshape(*first.shape[:-1], -1)
        return np.concatenate([first, second], -1)

    def turn(self, x, way=1):
        cos, sin = self.cos, way * self.sin * (-1 if self.made("rope_reversed") else 1)
        first, second = self.parts(x)
        if self.made("rope_mixed"):  # each pair's angle beside itself, and channels in halves
            cos, sin = np.repeat(cos, 2, -1), np.repeat(sin, 2, -1)
            half = sin.shape[-1] // 2
            if way > 0:
                return x * cos + np.concatenate([-second, first], -1) * sin
            y = x * sin  # the transpose of what is above, with sin's sign turned already
            return x * cos + np.concatenate([-y[..., half:], y[..., :half]], -1)
        return self.whole(first * cos - second * sin, second * cos + first * sin)

    def turned(self, name, x):
        if self.made("no_rope") or (name == "k" and self.made("no_rope_k")):
            return x
        y = self.turn(x)
        return self.turn(y) if name == "k" and self.made("rope_k_twice") else y

    def turned_back(self, name, dy):
        if self.made("no_rope") or (name == "k" and self.made("no_rope_k")):
            return dy
        if self.made("rope_not_undone"):
            return dy
        dx = self.turn(dy, 1 if self.made("rope_turned_on") else -1)
        return self.turn(dx, -1) if name == "k" and self.made("rope_k_twice") else dx

    # -- attention ---------------------------------------------------------------------------

    def cut_heads(self, x, heads):
        return np.swapaxes(x.reshape(*x.shape[:-1], heads, -1), -2, -3)

    def of_heads(self):
        """Which head of keys each head of queries reads."""
        heads = np.arange(self.n_head)
        if self.made("kv_heads_tiled"):
            return heads % self.n_kv_head
        if self.made("kv_first_head"):
            return 0 * heads
        if self.made("kv_heads_clamped"):
            return np.minimum(heads, self.n_kv_head - 1)
        return heads // (self.n_head // self.n_kv_head)

    def gathered(self, dy):
        """The gradients of each head of keys by all that read it."""
        parts = [dy[..., self.of_heads() == head, :, :] for head in range(self.n_kv_head)]
        for name, one in (("first", 0), ("last", -1)):
            if self.made(f"kv_grad_{name}"):
                return np.stack([part[..., one, :, :] for part in parts], -3)
        if self.made("kv_grad_mean"):
            return np.stack([part.mean(-3) for part in parts], -3)
        return np.stack([part.sum(-3) for part in parts], -3)

    def may_look(self, length):
        mask = np.tril(np.ones((length, length), bool))
        return mask if self.window is None else np.triu(mask, 1 - self.window)

    def has_norm(self, at):
        return f"{at}.weight" in self.p and not self.made("no_qk_norm")

    def heads_of(self, at, name, x, count):
        heads = self.cut_heads(self.linear(f"{at}.{name}_proj", x), count)
        self.put(f"{at}.{name}_heads", heads)
        if name == "v":
            return heads
        if self.has_norm(f"{at}.{name}_norm"):
            heads = self.norm(f"{at}.{name}_norm", heads)
        return self.put(f"{at}.{name}_rope.out", self.turned(name, heads))

    def attention(self, at, x):
        q = self.put(f"{at}.q", self.heads_of(at, "q", x, self.n_head))
        k, v = (self.heads_of(at, name, x, self.n_kv_head) for name in "kv")
        k = self.put(f"{at}.k", k[..., self.of_heads(), :, :])
        v = self.put(f"{at}.v", v[..., self.of_heads(), :, :])
        z = self.core(at, q, k, v)
        return self.linear(f"{at}.c_proj", self.put(f"{at}.merged", self.merge(z)))

    def attention_back(self, at, x, dy):
        dmerged = self.linear_back(f"{at}.c_proj", self.out[f"{at}.merged"], dy)
        self.put(f"d{at}.merged", dmerged)
        found, dx = self.core_back(at, self.cut_heads(dmerged, self.n_head)), {}
        for name in "vkq":
            dheads = found[name] if name == "q" else self.gathered(found[name])
            cut = dheads if name == "v" else self.heads_back(at, name, dheads)
            self.put(f"d{at}.{name}_heads", cut)
            dx[name] = self.linear_back(f"{at}.{name}_proj", x, self.merge(cut))
        one = next((name for name in "qkv" if self.made(f"qkv_grad_{name}")), None)
        return sum(dx.values()) if one is None else dx[one]

    def heads_back(self, at, name, dheads):
        dheads, norm = self.turned_back(name, dheads), f"{at}.{name}_norm"
        if self.has_norm(norm):
            return self.norm_back(norm, dheads)
        if f"{norm}.weight" in self.p:
            self.g[f"{norm}.weight"] = 0 * self.p[f"{norm}.weight"]
        return dheads

    # -- feed-forward ------------------------------------------------------------------------

    def ways(self, at):
        """The map whose output is bent, and the other."""
        maps = f"{at}.gate_proj", f"{at}.up_proj"
        return maps[::-1] if self.made("gate_up_exchanged") else maps

    def mlp(self, at, x):
        for name in ("gate_proj", "up_proj"):
            self.linear(f"{at}.{name}", x)
        gate, up = (self.out[f"{name}.out"] for name in self.ways(at))
        opened = self.put(f"{at}.act.out", self.bend(gate))
        return self.linear(f"{at}.c_proj", self.put(f"{at}.gated", opened * up))

    def mlp_back(self, at, x, dy):
        dgated = self.linear_back(f"{at}.c_proj", self.out[f"{at}.gated"], dy)
        gate, up = (self.out[f"{name}.out"] for name in self.ways(at))
        opened, slope = self.out[f"{at}.act.out"], self.slope(gate)
        dopened = self.put(f"d{at}.act.out", dgated * up)
        self.put(f"d{at}.gated", dgated)
        first, second = self.ways(at)
        by_first = self.linear_back(first, x, dopened * slope)
        by_second = self.linear_back(second, x, dgated * opened)
        if self.made("mlp_grad_gate"):
            return by_first
        return by_second if self.made("mlp_grad_up") else by_first + by_second

    # -- the model ---------------------------------------------------------------------------

    def scaled(self):
        width = self.p["wte.weight"].shape[1]
        if self.made("embedding_times_5"):
            return self.dtype(5)
        return self.dtype(math.sqrt(width) if self.made("embedding_scaled") else 1)

    def forward(self, tokens, targets):
        self.tokens, self.targets, self.phase = tokens, targets, "forward"
        self.dump(tokens=tokens, targets=targets)
        self.angles(tokens.shape[-1])
        x = self.stream(self.drop("embed", self.p["wte.weight"][tokens] * self.scaled()))
        self.put("embed.out", x)
        for i in range(self.n_layer):
            x = self.block(f"h.{i}", x)
        self.last = self.norm("ln_f", x)
        logits = self.put("logits", self.scored(self.matmul(self.last, self.head().T)))
        return self.loss_of(self.put("probs", self.softmax(logits)))

    def backward(self):
        self.phase = "backward"
        dlogits = self.scored_back(self.put("dlogits", self.dlogits()))
        flat = dlogits.reshape(-1, dlogits.shape[-1])
        dhead = self.matmul(flat.T, self.last.reshape(-1, self.last.shape[-1]))
        dx = self.norm_back("ln_f", self.matmul(dlogits, self.head()))
        for i in reversed(range(self.n_layer)):
            dx = self.block_back(f"h.{i}", dx)
        looked_up = self.looked_up(self.drop("embed", dx) * self.scaled())
        tied = "lm_head.weight" not in self.p
        self.g["wte.weight"] = looked_up + dhead if tied else looked_up
        if not tied:
            self.g["lm_head.weight"] = dhead
        if self.made("grad_without_tied_head"):
            self.g["wte.weight"] = looked_up
        if self.made("grad_without_embedding"):
            self.g["wte.weight"] = dhead
        for name, value in self.g.items():
            self.put(f"d{name}", value)

    def head(self):
        own = self.p.get("lm_head.weight")
        return super().head() if own is None else own
