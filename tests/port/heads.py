"""Scaled dot-product attention in NumPy, with the mistakes that are made in it."""

import math

import numpy as np

HEADS = (
    *("no_scale", "scale_by_d", "scale_by_width", "scale_by_layer", "scale_0.3", "score_cap_1.5"),
    *("mask_off_by_one_ahead", "mask_off_by_one_behind", "mask_after_softmax", "mask_strict"),
    *("mask_minus_1e4", "mask_minus_30", "mask_minus_2", "mask_lowered_50", "mask_transposed"),
    *("no_mask", "softmax_over_queries", "softmax_over_heads"),
    *("softmax_fp16", "softmax_bf16", "softmax_backward_no_sum", "no_mask_in_backward"),
    *("detached_q", "detached_k", "detached_v"),
)
FILLED = {"mask_minus_1e4": -1e4, "mask_minus_30": -30.0, "mask_minus_2": -2.0}
CAP = 1.5


class Heads:
    def scale(self, at, q):
        size, heads = q.shape[-1], q.shape[-3]
        for name, by in {"no_scale": 1, "scale_by_d": 1 / size, "scale_0.3": 0.3}.items():
            if self.made(name):
                return self.dtype(by)
        scale = 1 / math.sqrt(size * heads if self.made("scale_by_width") else size)
        if self.made("scale_by_layer"):
            scale /= int(at.split(".")[1]) + 1
        return self.dtype(scale)

    def visible(self, length):
        square = np.ones((length, length), bool)
        if self.made("mask_off_by_one_ahead"):
            return np.tril(square, 1)
        if self.made("mask_off_by_one_behind"):
            mask = np.tril(square, -1)
            mask[0, 0] = True
            return mask
        if self.made("mask_strict"):
            return np.tril(square, -1)
        if self.made("no_mask"):
            return square
        may_look = self.may_look(length)
        return may_look.T if self.made("mask_transposed") else may_look

    def softmax(self, x):
        with np.errstate(invalid="ignore"):
            e = np.exp(x - x.max(-1, keepdims=True))
            return e / e.sum(-1, keepdims=True)

    def soft(self, scores):
        for axis, name in ((-2, "softmax_over_queries"), (-3, "softmax_over_heads")):
            if self.made(name):
                turned = self.softmax(np.swapaxes(scores, axis, -1))
                return np.swapaxes(turned, axis, -1)
        if self.made("softmax_fp16"):
            return self.softmax(scores.astype(np.float16)).astype(self.dtype)
        if self.made("softmax_bf16"):
            low = lambda x: self.narrow(x, "softmax")  # noqa: E731
            x = low(scores)
            e = low(np.exp(low(x - x.max(-1, keepdims=True))))
            return low(e / low(e.sum(-1, keepdims=True)))
        return self.softmax(scores)

    def core(self, at, q, k, v):
        products = self.matmul(q, np.swapaxes(k, -1, -2)) * self.scale(at, q)
        if self.made("score_cap_1.5"):
            products = self.dtype(CAP) * np.tanh(products / self.dtype(CAP))
        mask, scores = self.visible(q.shape[-2]), products
        if self.made("mask_after_softmax"):
            self.full[at] = self.softmax(scores)
            att = np.where(mask, self.full[at], self.dtype(0))
        else:
            hidden = next((f for name, f in FILLED.items() if self.made(name)), -math.inf)
            lowered = self.made("mask_lowered_50")
            low = products - self.dtype(50) if lowered else self.dtype(hidden)
            scores = np.where(mask, products, low)
            att = self.soft(scores)
        self.put(f"{at}.scores", scores)
        kept = self.put(f"{at}.att", self.drop(f"{at}.att", att))
        self.before[at] = att
        return self.put(f"{at}.z", self.matmul(kept, v))

    def core_back(self, at, dz):
        q, k, v, kept = (self.out[f"{at}.{name}"] for name in ("q", "k", "v", "att"))
        att = self.before[at]
        if self.made("no_mask_in_backward"):
            kept = att = self.softmax(self.matmul(q, np.swapaxes(k, -1, -2)) * self.scale(at, q))
        datt = self.matmul(dz, np.swapaxes(v, -1, -2))
        dv = self.matmul(np.swapaxes(kept, -1, -2), dz)
        self.put(f"d{at}.att", datt)
        datt = self.drop(f"{at}.att", datt)
        axis = next(
            (a for a, n in ((-2, "queries"), (-3, "heads")) if self.made(f"softmax_over_{n}")), -1
        )
        if self.made("mask_after_softmax"):
            full, masked = self.full[at], datt * self.visible(q.shape[-2])
            dscores = full * (masked - (masked * full).sum(-1, keepdims=True))
        elif self.made("softmax_backward_no_sum"):
            dscores = att * datt
        else:
            dscores = att * (datt - (datt * att).sum(axis, keepdims=True))
        if any(map(self.made, FILLED)):  # what hidden scores were is not what is there now
            dscores = dscores * self.visible(q.shape[-2])
        dproducts = dscores * self.scale(at, q)
        if self.made("score_cap_1.5"):
            raw = self.matmul(q, np.swapaxes(k, -1, -2)) * self.scale(at, q)
            dproducts = dproducts * (1 - np.tanh(raw / self.dtype(CAP)) ** 2)
        dq = self.matmul(dproducts, k)
        dk = self.matmul(np.swapaxes(dproducts, -1, -2), q)
        found = {"q": dq, "k": dk, "v": dv}
        found = {c: 0 * d if self.made(f"detached_{c}") else d for c, d in found.items()}
        for name, value in {"z": dz, "v": found["v"], "scores": dscores, "q": found["q"]}.items():
            self.put(f"d{at}.{name}", value)
        self.put(f"d{at}.k", found["k"])
        return found
