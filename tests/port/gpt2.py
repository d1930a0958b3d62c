"""Somebody's GPT-2 in NumPy, in which one can make mistakes: what `pellucid compare` is tried on.

It knows nothing of Pellucid but the names under which it dumps its arrays. Every mistake is made in
all layers, and the backward is that of the mistaken forward.
"""

import math

import numpy as np

MISTAKES = (
    *("gelu_erf", "eps_1e-6", "eps_1e-12", "eps_outside_root", "variance_n_minus_1"),
    *("no_scale", "scale_by_d", "scale_by_width"),
    *("mask_off_by_one_ahead", "mask_off_by_one_behind", "mask_after_softmax", "mask_minus_1e4"),
    *("transposed_c_attn", "transposed_c_proj", "transposed_c_fc"),
    *("qkv_order_kqv", "qkv_order_qvk", "qkv_order_vkq"),
    *("heads_interleaved", "qkv_by_head", "heads_merged_wrongly"),
    *("no_attn_bias", "no_mlp_bias", "no_ln_bias", "post_norm", "position_from_1", "untied_head"),
    *("softmax_over_queries", "loss_summed", "unshifted_targets"),
    *("grad_without_tied_head", "grad_without_embedding"),
    *("ln_backward_no_mean", "ln_backward_no_first_mean", "ln_backward_no_second_mean"),
    *("adam_l2", "no_bias_correction", "bias_correction_ahead", "bias_correction_behind"),
    *("bf16_matmul", "tf32_matmul"),
)

BETA1, BETA2, ADAM_EPS = 0.9, 0.999, 1e-8


def round_to_bits(x, bits):
    fraction, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.round(fraction * 2**bits), exponent - bits).astype(x.dtype)


class Port:
    """One run: parameters, the mistakes that are made, and all that is dumped."""

    MISTAKES = MISTAKES

    def __init__(self, params, n_head, mistakes=(), eps=1e-5, dtype=np.float32):
        self.p = {name: value.astype(dtype) for name, value in params.items()}
        self.n_head, self.eps, self.dtype = n_head, dtype(eps), dtype
        self.mistakes = set(mistakes)
        assert self.mistakes <= set(self.MISTAKES), self.mistakes
        self.n_layer = sum(name.endswith("ln_1.weight") for name in params)
        self.out = {}  # what is dumped
        self.g = {}  # gradients by parameters

    def made(self, mistake):
        return mistake in self.mistakes

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
        return self.put(f"{at}.out", y if self._lacks_bias(at) else y + b)

    def linear_back(self, at, x, dy):
        w = self.p[f"{at}.weight"]
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

    # -- layer norm --------------------------------------------------------------------------

    def norm(self, at, x):
        width = x.shape[-1]
        mean = x.mean(-1, keepdims=True)
        squares = ((x - mean) ** 2).sum(-1, keepdims=True)
        var = squares / self.dtype(width - 1 if self.made("variance_n_minus_1") else width)
        eps = self.eps
        for given in ("1e-6", "1e-12"):
            eps = self.dtype(float(given)) if self.made(f"eps_{given}") else eps
        rstd = 1 / np.sqrt(var + eps)
        if self.made("eps_outside_root"):
            rstd = 1 / (np.sqrt(var) + eps)
        hat = (x - mean) * rstd
        y = hat * self.p[f"{at}.weight"]
        if not self.made("no_ln_bias"):
            y = y + self.p[f"{at}.bias"]
        for key, value in {"mean": mean, "variance": var, "rstd": rstd, "xhat": hat}.items():
            self.put(f"{at}.{key}", value)
        return self.put(f"{at}.out", y)

    def norm_back(self, at, dy):
        hat, rstd = self.out[f"{at}.xhat"], self.out[f"{at}.rstd"]
        width = hat.shape[-1]
        axes = tuple(range(dy.ndim - 1))
        self.g[f"{at}.weight"] = (dy * hat).sum(axes)
        self.g[f"{at}.bias"] = dy.sum(axes) * (0 if self.made("no_ln_bias") else 1)
        dhat = dy * self.p[f"{at}.weight"]
        first = dhat.mean(-1, keepdims=True)
        along = (dhat * hat).sum(-1, keepdims=True)
        second = along / self.dtype(width - 1 if self.made("variance_n_minus_1") else width)
        if self.made("eps_outside_root"):
            second = second / (1 - self.eps * rstd)
        if self.made("ln_backward_no_first_mean") or self.made("ln_backward_no_mean"):
            first = 0
        if self.made("ln_backward_no_second_mean") or self.made("ln_backward_no_mean"):
            second = 0
        self.put(f"d{at}.out", dy)
        return rstd * (dhat - first - hat * second)

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

    def scale(self, q):
        size, heads = q.shape[-1], q.shape[-3]
        if self.made("no_scale"):
            return self.dtype(1)
        if self.made("scale_by_d"):
            return self.dtype(1 / size)
        return self.dtype(1 / math.sqrt(size * heads if self.made("scale_by_width") else size))

    def may_look(self, length):
        if self.made("mask_off_by_one_ahead"):
            return np.tril(np.ones((length, length), bool), 1)
        if self.made("mask_off_by_one_behind"):
            mask = np.tril(np.ones((length, length), bool), -1)
            mask[0, 0] = True
            return mask
        return np.tril(np.ones((length, length), bool))

    def softmax(self, x):
        with np.errstate(invalid="ignore"):
            e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def attention(self, at, x):
        qkv = self.put(f"{at}.qkv", self.linear(f"{at}.c_attn", x))
        parts = self.cut(qkv)
        q, k, v = (self.put(f"{at}.{c}", parts[c]) for c in "qkv")
        scores = self.matmul(q, np.swapaxes(k, -1, -2)) * self.scale(q)
        mask = self.may_look(x.shape[-2])
        if self.made("mask_after_softmax"):
            self.full = getattr(self, "full", {})
            self.full[at] = self.softmax(scores)
            att = np.where(mask, self.full[at], self.dtype(0))
        else:
            hidden = -1e4 if self.made("mask_minus_1e4") else -math.inf
            scores = np.where(mask, scores, self.dtype(hidden))
            if self.made("softmax_over_queries"):
                att = np.swapaxes(self.softmax(np.swapaxes(scores, -1, -2)), -1, -2)
            else:
                att = self.softmax(scores)
        self.put(f"{at}.scores", scores)
        self.put(f"{at}.att", att)
        z = self.put(f"{at}.z", self.matmul(att, v))
        if self.made("heads_merged_wrongly"):
            merged = z.reshape(*z.shape[:-3], z.shape[-2], -1)
        else:
            merged = self.merge(z)
        return self.linear(f"{at}.c_proj", self.put(f"{at}.merged", merged))

    def attention_back(self, at, x, dy):
        out = self.out
        dmerged = self.linear_back(f"{at}.c_proj", out[f"{at}.merged"], dy)
        q, k, v, att = (out[f"{at}.{name}"] for name in ("q", "k", "v", "att"))
        if self.made("heads_merged_wrongly"):
            dz = dmerged.reshape(*dmerged.shape[:-2], self.n_head, dmerged.shape[-2], -1)
        else:
            dz = self.split(dmerged)
        datt = self.matmul(dz, np.swapaxes(v, -1, -2))
        dv = self.matmul(np.swapaxes(att, -1, -2), dz)
        if self.made("mask_after_softmax"):
            full, masked = self.full[at], datt * self.may_look(x.shape[-2])
            dscores = full * (masked - (masked * full).sum(-1, keepdims=True))
        else:
            axis = -2 if self.made("softmax_over_queries") else -1
            dscores = att * (datt - (datt * att).sum(axis, keepdims=True))
        dq = self.matmul(dscores * self.scale(q), k)
        dk = self.matmul(np.swapaxes(dscores * self.scale(q), -1, -2), q)
        dqkv = self.join({"q": dq, "k": dk, "v": dv})
        names = ("merged", "z", "att", "v", "scores", "q", "k", "qkv")
        for name, value in zip(names, (dmerged, dz, datt, dv, dscores, dq, dk, dqkv), strict=True):
            self.put(f"d{at}.{name}", value)
        return self.linear_back(f"{at}.c_attn", x, dqkv)

    # -- feed-forward ------------------------------------------------------------------------

    def gelu(self, x):
        if self.made("gelu_erf"):
            erf = np.vectorize(math.erf)(x / math.sqrt(2)).astype(self.dtype)
            return x * self.dtype(0.5) * (1 + erf)
        inner = self.dtype(math.sqrt(2 / math.pi)) * (x + self.dtype(0.044715) * x**3)
        return self.dtype(0.5) * x * (1 + np.tanh(inner))

    def gelu_back(self, x, dy):
        if self.made("gelu_erf"):
            erf = np.vectorize(math.erf)(x / math.sqrt(2)).astype(self.dtype)
            density = np.exp(-x * x / 2) / self.dtype(math.sqrt(2 * math.pi))
            return dy * (self.dtype(0.5) * (1 + erf) + x * density)
        c = self.dtype(math.sqrt(2 / math.pi))
        t = np.tanh(c * (x + self.dtype(0.044715) * x**3))
        slope = c * (1 + self.dtype(3 * 0.044715) * x**2) * (1 - t**2)
        return dy * self.dtype(0.5) * (1 + t + x * slope)

    def mlp(self, at, x):
        inner = self.linear(f"{at}.c_fc", x)
        return self.linear(f"{at}.c_proj", self.put(f"{at}.act.out", self.gelu(inner)))

    def mlp_back(self, at, x, dy):
        dbent = self.linear_back(f"{at}.c_proj", self.out[f"{at}.act.out"], dy)
        dinner = self.gelu_back(self.out[f"{at}.c_fc.out"], dbent)
        self.put(f"d{at}.act.out", dbent)
        self.put(f"d{at}.c_fc.out", dinner)
        return self.linear_back(f"{at}.c_fc", x, dinner)

    # -- the model ---------------------------------------------------------------------------

    def block(self, h, x):
        self.put(f"{h}.resid_pre", x)
        if self.made("post_norm"):
            mid = self.norm(f"{h}.ln_1", x + self.attention(f"{h}.attn", x))
            post = self.norm(f"{h}.ln_2", mid + self.mlp(f"{h}.mlp", mid))
        else:
            mid = x + self.attention(f"{h}.attn", self.norm(f"{h}.ln_1", x))
            post = mid + self.mlp(f"{h}.mlp", self.norm(f"{h}.ln_2", mid))
        self.put(f"{h}.resid_mid", mid)
        return self.put(f"{h}.resid_post", post)

    def block_back(self, h, dpost):
        out = self.out
        self.put(f"d{h}.resid_post", dpost)
        if self.made("post_norm"):
            dsum = self.norm_back(f"{h}.ln_2", dpost)
            dmid = dsum + self.mlp_back(f"{h}.mlp", out[f"{h}.resid_mid"], dsum)
            dsum = self.norm_back(f"{h}.ln_1", dmid)
            dpre = dsum + self.attention_back(f"{h}.attn", out[f"{h}.resid_pre"], dsum)
        else:
            dnormed = self.mlp_back(f"{h}.mlp", out[f"{h}.ln_2.out"], dpost)
            dmid = dpost + self.norm_back(f"{h}.ln_2", dnormed)
            dnormed = self.attention_back(f"{h}.attn", out[f"{h}.ln_1.out"], dmid)
            dpre = dmid + self.norm_back(f"{h}.ln_1", dnormed)
        self.put(f"d{h}.resid_mid", dmid)
        return self.put(f"d{h}.resid_pre", dpre)

    def head(self):
        if not self.made("untied_head"):
            return self.p["wte.weight"]
        if "lm_head.weight" not in self.p:
            drawn = np.random.default_rng(7).normal(0, 0.3, self.p["wte.weight"].shape)
            self.p["lm_head.weight"] = drawn.astype(self.dtype)
        return self.p["lm_head.weight"]

    def forward(self, tokens, targets):
        self.tokens = tokens
        self.dump(tokens=tokens, targets=targets)
        self.targets = tokens if self.made("unshifted_targets") else targets
        start = 1 if self.made("position_from_1") else 0
        rows = self.put("wpe.rows", self.p["wpe.weight"][start : start + tokens.shape[-1]])
        x = self.put("wpe.out", self.put("embed.out", self.p["wte.weight"][tokens]) + rows)
        for i in range(self.n_layer):
            x = self.block(f"h.{i}", x)
        self.last = self.norm("ln_f", x)
        logits = self.put("logits", self.matmul(self.last, self.head().T))
        return self.loss_of(self.put("probs", self.softmax(logits)))

    def loss_of(self, probs):
        picked = np.take_along_axis(probs, self.targets[..., None], -1)[..., 0]
        losses = self.put("losses", -np.log(picked))
        return self.put("loss", losses.sum() if self.made("loss_summed") else losses.mean())

    def dlogits(self):
        dlogits = self.out["probs"].copy()
        index = self.targets[..., None]
        np.put_along_axis(dlogits, index, np.take_along_axis(dlogits, index, -1) - 1, -1)
        return dlogits / self.dtype(1 if self.made("loss_summed") else self.tokens.size)

    def backward(self):
        dlogits = self.put("dlogits", self.dlogits())
        flat = dlogits.reshape(-1, dlogits.shape[-1])
        dhead = self.matmul(flat.T, self.last.reshape(-1, self.last.shape[-1]))
        dx = self.norm_back("ln_f", self.matmul(dlogits, self.head()))
        for i in reversed(range(self.n_layer)):
            dx = self.block_back(f"h.{i}", dx)
        start = 1 if self.made("position_from_1") else 0
        dwpe = np.zeros_like(self.p["wpe.weight"])
        length, width = dx.shape[-2:]
        dwpe[start : start + length] = dx.reshape(-1, length, width).sum(0)
        looked_up = np.zeros_like(self.p["wte.weight"])
        np.add.at(looked_up, self.tokens.reshape(-1), dx.reshape(-1, width))
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
