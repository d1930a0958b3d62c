"""Blocks in NumPy: how their parts are joined to the residual stream, with mistakes."""

import numpy as np

from tests.port.norms import round_to_bits

BLOCKS = (
    *("no_attn_residual", "no_mlp_residual", "attn_grad_missing", "mlp_grad_missing"),
    *("parallel_block", "parallel_one_norm", "bf16_stream", "attn_times_0.7", "mlp_times_2.5"),
    "dropout",
)
P = 0.25


class Blocks:
    def drop(self, at, x):
        """Dropout that was left on: in the backward the noise of the forward."""
        if not self.made("dropout"):
            return x
        if at not in self.noise:
            draw = np.random.default_rng(sum(map(ord, at))).random(x.shape)
            self.noise[at] = ((draw >= P) / (1 - P)).astype(x.dtype)
        return x * self.noise[at]

    def stream(self, x):
        return round_to_bits(x, 8) if self.made("bf16_stream") else x

    def branched(self, name, x, branch):
        factor = {"attn": "attn_times_0.7", "mlp": "mlp_times_2.5"}[name]
        if self.made(factor):
            branch = self.dtype(factor.rpartition("_")[2]) * branch
        return branch if self.made(f"no_{name}_residual") else self.stream(x + branch)

    def entered(self, name, dout):
        """What goes back into a branch."""
        factor = {"attn": "attn_times_0.7", "mlp": "mlp_times_2.5"}[name]
        return self.dtype(factor.rpartition("_")[2]) * dout if self.made(factor) else dout

    def joined(self, name, dout, dbranch):
        if self.made(f"{name}_grad_missing"):
            return dout
        return dbranch if self.made(f"no_{name}_residual") else self.stream(dout + dbranch)

    def block(self, h, x):
        self.put(f"{h}.resid_pre", x)
        if self.made("post_norm"):
            mid = self.norm(f"{h}.ln_1", x + self.attention(f"{h}.attn", x))
            post = self.norm(f"{h}.ln_2", mid + self.mlp(f"{h}.mlp", mid))
        else:
            first = self.norm(f"{h}.ln_1", x)
            mid = self.branched("attn", x, self.attention(f"{h}.attn", first))
            if self.made("parallel_one_norm"):
                second = first
            else:
                second = self.norm(f"{h}.ln_2", x if self.made("parallel_block") else mid)
            self.read[h] = second
            post = self.branched("mlp", mid, self.mlp(f"{h}.mlp", second))
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
            self.put(f"d{h}.resid_mid", dmid)
            return self.put(f"d{h}.resid_pre", dpre)
        dnormed = self.mlp_back(f"{h}.mlp", self.read[h], self.entered("mlp", dpost))
        aside = 0
        if self.made("parallel_one_norm"):
            dmid = dpost
            for name in ("weight", "bias"):
                if f"{h}.ln_2.{name}" in self.p:
                    self.g[f"{h}.ln_2.{name}"] = 0 * self.p[f"{h}.ln_2.{name}"]
        elif self.made("parallel_block"):
            dmid, aside = dpost, self.norm_back(f"{h}.ln_2", dnormed)
        else:
            dmid = self.joined("mlp", dpost, self.norm_back(f"{h}.ln_2", dnormed))
        self.put(f"d{h}.resid_mid", dmid)
        dfirst = self.attention_back(f"{h}.attn", out[f"{h}.ln_1.out"], self.entered("attn", dmid))
        if self.made("parallel_one_norm"):
            dfirst = dfirst + dnormed
        dpre = self.joined("attn", dmid, self.norm_back(f"{h}.ln_1", dfirst) + aside)
        return self.put(f"d{h}.resid_pre", dpre)
