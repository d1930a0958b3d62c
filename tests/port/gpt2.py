"""Somebody's GPT-2 in NumPy, in which one can make mistakes: what `pellucid compare` is tried on.

It knows nothing of Pellucid but the names under which it dumps its arrays. Every mistake is made in
all layers, and the backward is that of the mistaken forward.
"""

import numpy as np

from tests.port.activations import SLOPES, Activations
from tests.port.blocks import BLOCKS, Blocks
from tests.port.heads import HEADS, Heads
from tests.port.norms import LAYER_NORM, LayerNorms, round_to_bits

MISTAKES = (
    *LAYER_NORM,
    *HEADS,
    *BLOCKS,
    *("gelu_erf", "quick_gelu", "relu", "silu", "no_activation", "gelu_cubic", "sigmoid_gelu"),
    *SLOPES,
    *("transposed_c_attn", "transposed_c_proj", "transposed_c_fc"),
    *("qkv_order_kqv", "qkv_order_qvk", "qkv_order_vkq"),
    *("heads_interleaved", "qkv_by_head", "heads_merged_wrongly", "rope_added"),
    *("no_attn_bias", "no_mlp_bias", "post_norm", "untied_head", "logit_cap_3", "logits_times_0.6"),
    *("position_from_1", "no_position", "no_position_grad", "embedding_grad_assigned"),
    *("positions_restart_from", "positions_stay_0_from", "positions_ahead_from"),
    *("loss_summed", "unshifted_targets", "grad_without_tied_head", "grad_without_embedding"),
    *("adam_l2", "no_bias_correction", "bias_correction_ahead", "bias_correction_behind"),
    *("bf16_matmul", "tf32_matmul"),
)
PROMPT = 4
"""So many positions are right, where later ones are wrong."""

BETA1, BETA2, ADAM_EPS = 0.9, 0.999, 1e-8


class Port(LayerNorms, Heads, Activations, Blocks):
    """One run: parameters, the mistakes that are made, and all that is dumped."""

    MISTAKES = MISTAKES

    def __init__(self, params, n_head, mistakes=(), eps=1e-5, dtype=np.float32):
        self.p = {name: value.astype(dtype) for name, value in params.items()}
        self.n_head, self.eps, self.dtype = n_head, dtype(eps), dtype
        self.mistakes, self.phase = set(mistakes), "forward"
        known = {name + half for name in self.MISTAKES for half in ("", "_forward", "_backward")}
        assert self.mistakes <= known, self.mistakes - known
        self.n_layer = sum(name.endswith("ln_1.weight") for name in params)
        self.out = {}  # what is dumped
        self.noise, self.rstd, self.before, self.full, self.read = {}, {}, {}, {}, {}
        self.g = {}  # gradients by parameters

    def made(self, mistake):
        """Whether it is made, in both directions or in the one that runs."""
        return mistake in self.mistakes or f"{mistake}_{self.phase}" in self.mistakes

    def dump(self, **values):
        for name, value in values.items():
            self.out[name] = np.asarray(value)

    def put(self, name, value):
        self.out[name] = np.asarray(value)
        return value

    def matmul(self, a, b):
        if self.made("bf16_matmul"):
            a, b = round_to_bits(a, 8), round_to_bits(b, 8)
        if self.made("tf32_matmul"):
            a, b = round_to_bits(a, 11), round_to_bits(b, 11)
        return a @ b

    # -- linear ------------------------------------------------------------------------------

    def _reads_transposed(self, at):
        kind = at.split(".", 2)[-1]
        names = {"attn.c_attn": "transposed_c_attn", "attn.c_proj": "transposed_c_proj"}
        return self.made(names.get(kind, "transposed_c_fc" if kind == "mlp.c_fc" else ""))

    def _lacks_bias(self, at):
        return (at.endswith("c_attn") and self.made("no_attn_bias")) or (
            at.endswith("c_fc") and self.made("no_mlp_bias")
        )

    def linear(self, at, x):
        w, b = self.p[f"{at}.weight"], self.p[f"{at}.bias"]
        if self._reads_transposed(at):
            w = w.reshape(w.shape[::-1]).T
        y = self.matmul(x, w)
        y = y if self._lacks_bias(at) else y + b
        return self.put(f"{at}.out", self.drop(at, y) if at.endswith("c_proj") else y)

    def linear_back(self, at, x, dy):
        w = self.p[f"{at}.weight"]
        dy = self.drop(at, dy) if at.endswith("c_proj") else dy
        flat_x, flat_dy = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
        if self._reads_transposed(at):
            dw = self.matmul(flat_dy.T, flat_x).reshape(w.shape)
            dx = self.matmul(dy, w.reshape(w.shape[::-1]))
        else:
            dw = self.matmul(flat_x.T, flat_dy)
            dx = self.matmul(dy, w.T)
        self.g[f"{at}.weight"] = dw
        self.g[f"{at}.bias"] = flat_dy.sum(0) * (0 if self._lacks_bias(at) else 1)
        return dx

    # -- attention ---------------------------------------------------------------------------

    def split(self, x):
        *front, length, width = x.shape
        size = width // self.n_head
        if self.made("heads_interleaved"):
            return np.moveaxis(x.reshape(*front, length, size, self.n_head), -1, -3)
        return np.swapaxes(x.reshape(*front, length, self.n_head, size), -2, -3)

    def merge(self, x):
        *front, heads, length, size = x.shape
        if self.made("heads_interleaved"):
            return np.moveaxis(x, -3, -1).reshape(*front, length, size * heads)
        return np.swapaxes(x, -2, -3).reshape(*front, length, heads * size)

    def order(self):
        for letters in ("kqv", "qvk", "vkq"):
            if self.made(f"qkv_order_{letters}"):
                return letters
        return "qkv"

    def cut(self, qkv):
        if self.made("qkv_by_head"):
            *front, length, width = qkv.shape
            parts = qkv.reshape(*front, length, self.n_head, 3, width // self.n_head // 3)
            return {c: np.swapaxes(parts[..., i, :], -2, -3) for i, c in enumerate("qkv")}
        thirds = np.split(qkv, 3, axis=-1)
        return {c: self.split(third) for c, third in zip(self.order(), thirds, strict=True)}

    def join(self, parts):
        if self.made("qkv_by_head"):
            stacked = np.stack([np.swapaxes(parts[c], -2, -3) for c in "qkv"], axis=-2)
            return stacked.reshape(*stacked.shape[:-3], -1)
        return np.concatenate([self.merge(parts[c]) for c in self.order()], axis=-1)

    def may_look(self, length):
        return np.tril(np.ones((length, length), bool))

    def turned(self, x, way=1):
        """Rotary positions, of which GPT-2 has none."""
        if not self.made("rope_added"):
            return x
        length, size = x.shape[-2:]
        frequencies = 10000.0 ** (-np.arange(0, size, 2) / size)
        angles = (np.arange(length)[:, None] * frequencies).astype(self.dtype)
        cos, sin = np.cos(angles), way * np.sin(angles)
        one, two = np.split(x, 2, -1)
        return np.concatenate([one * cos - two * sin, two * cos + one * sin], -1)

    def attention(self, at, x):
        qkv = self.put(f"{at}.qkv", self.linear(f"{at}.c_attn", x))
        parts = self.cut(qkv)
        parts |= {c: self.turned(parts[c]) for c in "qk"}
        z = self.core(at, *(self.put(f"{at}.{c}", parts[c]) for c in "qkv"))
        if self.made("heads_merged_wrongly"):
            merged = z.reshape(*z.shape[:-3], z.shape[-2], -1)
        else:
            merged = self.merge(z)
        return self.linear(f"{at}.c_proj", self.put(f"{at}.merged", merged))

    def attention_back(self, at, x, dy):
        dmerged = self.linear_back(f"{at}.c_proj", self.out[f"{at}.merged"], dy)
        if self.made("heads_merged_wrongly"):
            dz = dmerged.reshape(*dmerged.shape[:-2], self.n_head, dmerged.shape[-2], -1)
        else:
            dz = self.split(dmerged)
        parts = self.core_back(at, dz)
        parts |= {c: self.turned(parts[c], -1) for c in "qk"}
        dqkv = self.join(parts)
        self.put(f"d{at}.merged", dmerged)
        self.put(f"d{at}.qkv", dqkv)
        return self.linear_back(f"{at}.c_attn", x, dqkv)

    # -- feed-forward ------------------------------------------------------------------------

    def mlp(self, at, x):
        inner = self.linear(f"{at}.c_fc", x)
        return self.linear(f"{at}.c_proj", self.put(f"{at}.act.out", self.bend(inner)))

    def mlp_back(self, at, x, dy):
        dbent = self.linear_back(f"{at}.c_proj", self.out[f"{at}.act.out"], dy)
        dinner = dbent * self.slope(self.out[f"{at}.c_fc.out"])
        self.put(f"d{at}.act.out", dbent)
        self.put(f"d{at}.c_fc.out", dinner)
        return self.linear_back(f"{at}.c_fc", x, dinner)

    # -- the model ---------------------------------------------------------------------------

    def head(self):
        if not self.made("untied_head"):
            return self.p["wte.weight"]
        if "lm_head.weight" not in self.p:
            drawn = np.random.default_rng(7).normal(0, 0.3, self.p["wte.weight"].shape)
            self.p["lm_head.weight"] = drawn.astype(self.dtype)
        return self.p["lm_head.weight"]

    def forward(self, tokens, targets):
        self.tokens, self.phase = tokens, "forward"
        self.dump(tokens=tokens, targets=targets)
        self.targets = tokens if self.made("unshifted_targets") else targets
        rows = self.put("wpe.rows", self.p["wpe.weight"][self.places(tokens.shape[-1])])
        x = self.put("embed.out", self.p["wte.weight"][tokens])
        x = self.stream(self.drop("wpe", 1 * x if self.made("no_position") else x + rows))
        self.put("wpe.out", x)
        for i in range(self.n_layer):
            x = self.block(f"h.{i}", x)
        self.last = self.norm("ln_f", x)
        logits = self.put("logits", self.scored(self.matmul(self.last, self.head().T)))
        return self.loss_of(self.put("probs", self.softmax(logits)))

    def loss_of(self, probs):
        picked = np.take_along_axis(probs, self.targets[..., None], -1)[..., 0]
        losses = self.put("losses", -np.log(picked))
        return self.put("loss", losses.sum() if self.made("loss_summed") else losses.mean())

    def places(self, length):
        """Where each token is thought to stand."""
        places = np.arange(length)
        later = {"restart": places - PROMPT, "stay_0": 0 * places, "ahead": places + 1}
        for name, other in later.items():
            if self.made(f"positions_{name}_from"):
                places = np.where(places < PROMPT, places, other)
        return places + self.made("position_from_1")

    def scored(self, logits):
        if self.made("logits_times_0.6"):
            return self.dtype(0.6) * logits
        return 3 * np.tanh(logits / 3) if self.made("logit_cap_3") else logits

    def scored_back(self, dlogits):
        if self.made("logits_times_0.6"):
            return self.dtype(0.6) * dlogits
        raw = self.matmul(self.last, self.head().T)
        return dlogits * (1 - np.tanh(raw / 3) ** 2) if self.made("logit_cap_3") else dlogits

    def looked_up(self, dx):
        """The gradient by the table's rows of the tokens that were looked up."""
        found = np.zeros_like(self.p["wte.weight"])
        flat = dx.reshape(-1, dx.shape[-1])
        if self.made("embedding_grad_assigned"):
            for token, row in zip(self.tokens.reshape(-1), flat, strict=True):
                found[token] = row
        else:
            np.add.at(found, self.tokens.reshape(-1), flat)
        return found

    def dlogits(self):
        dlogits = self.out["probs"].copy()
        index = self.targets[..., None]
        np.put_along_axis(dlogits, index, np.take_along_axis(dlogits, index, -1) - 1, -1)
        return dlogits / self.dtype(1 if self.made("loss_summed") else self.tokens.size)

    def backward(self):
        self.phase = "backward"
        dlogits = self.scored_back(self.put("dlogits", self.dlogits()))
        flat = dlogits.reshape(-1, dlogits.shape[-1])
        dhead = self.matmul(flat.T, self.last.reshape(-1, self.last.shape[-1]))
        dx = self.norm_back("ln_f", self.matmul(dlogits, self.head()))
        for i in reversed(range(self.n_layer)):
            dx = self.block_back(f"h.{i}", dx)
        dx = self.drop("wpe", dx)
        dwpe = np.zeros_like(self.p["wpe.weight"])
        length, width = dx.shape[-2:]
        if not (self.made("no_position") or self.made("no_position_grad")):
            np.add.at(dwpe, self.places(length), dx.reshape(-1, length, width).sum(0))
        looked_up = self.looked_up(dx)
        self.g["wpe.weight"] = dwpe
        self.g["wte.weight"] = looked_up + dhead
        if self.made("untied_head"):
            self.g["wte.weight"], self.g["lm_head.weight"] = looked_up, dhead
        if self.made("grad_without_tied_head"):
            self.g["wte.weight"] = looked_up
        if self.made("grad_without_embedding"):
            self.g["wte.weight"] = dhead
        for name, value in self.g.items():
            self.put(f"d{name}", value)

    # -- the update --------------------------------------------------------------------------

    def step(self, t, state, rate, decay):
        """One AdamW step; only matrices decay."""
        shift = 1 if self.made("bias_correction_ahead") else 0
        shift = -1 if self.made("bias_correction_behind") else shift
        for name, w in self.p.items():
            g = self.g[name]
            lam = decay if w.ndim == 2 else 0.0
            if self.made("adam_l2"):
                g = g + self.dtype(lam) * w
            m, v = state.get(name, (np.zeros_like(w), np.zeros_like(w)))
            m = self.dtype(BETA1) * m + self.dtype(1 - BETA1) * g
            v = self.dtype(BETA2) * v + self.dtype(1 - BETA2) * g * g
            state[name] = m, v
            with np.errstate(all="ignore"):
                m_hat = m / self.dtype(1 - BETA1 ** (t + shift))
                v_hat = v / self.dtype(1 - BETA2 ** (t + shift))
                if self.made("no_bias_correction"):
                    m_hat, v_hat = m, v
                move = m_hat / (np.sqrt(v_hat) + self.dtype(ADAM_EPS))
            if not self.made("adam_l2"):
                move = move + self.dtype(lam) * w
            self.p[name] = w - self.dtype(rate) * move


def run(params, tokens, targets, *, n_head, mistakes=(), dtype=np.float32, steps=10):
    """Forward, backward and some steps of AdamW; all arrays by name."""
    return ran(Port(params, n_head, mistakes, dtype=dtype), tokens, targets, steps)


def ran(port, tokens, targets, steps):
    """The same of a port of any kind."""
    rate, decay = 1e-3, 0.1
    port.forward(tokens, targets)
    found = dict(port.p)
    port.backward()
    found |= port.out
    state, losses = {}, []
    for t in range(1, steps + 1):
        if t > 1:
            with np.errstate(invalid="ignore"):
                port.forward(tokens, targets)
                port.backward()
        losses.append(port.out["loss"])
        port.step(t, state, rate, decay)
        if t in {1, steps}:
            prefix = "" if t == 1 else f"step.{t}."
            for name, (m, v) in state.items():
                found |= {f"{prefix}{name}.m": m, f"{prefix}{name}.v": v}
                found[f"{prefix}{name}.new"] = port.p[name].copy()
    found["step.losses"] = np.array(losses)
    return found
