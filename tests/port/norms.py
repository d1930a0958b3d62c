"""Layer norm and RMS norm in NumPy, with the mistakes that are made in them."""

import numpy as np

LAYER_NORM = (
    *("eps_1e-6", "eps_1e-12", "eps_3e-6", "eps_outside_root", "eps_2e-4_outside_root", "no_root"),
    *("variance_n_minus_1", "rms_for_layer_norm", "ln_over_positions", "no_ln_gain", "no_ln_bias"),
    *("ln_backward_no_mean", "ln_backward_no_first_mean", "ln_backward_no_second_mean"),
    *("ln_backward_no_rstd", "no_ln_gain_grad", "norm_fp16", "norm_bf16"),
)
RMS_NORM = (
    *("rms_centred", "rms_eps_outside_root", "rms_eps_1e-6", "rms_gain_plus_1", "rms_eps_3e-6"),
    *("rms_no_root", "no_rms_gain", "no_rms_gain_grad", "rms_over_positions"),
    *("rms_backward_no_mean", "rms_backward_no_rstd", "norm_fp16", "norm_bf16"),
)


def round_to_bits(x, bits):
    fraction, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.round(fraction * 2**bits), exponent - bits).astype(x.dtype)


class Norms:
    """Means along rows, or along the positions where that is the mistake."""

    def narrow(self, x, what):
        """The number as a coarser dtype has it, where the mistake is made."""
        if self.made(f"{what}_fp16"):
            return x.astype(np.float16).astype(x.dtype)
        return round_to_bits(x, 8) if self.made(f"{what}_bf16") else x

    def own_eps(self, *kinds):
        for name in self.mistakes:
            for kind in kinds:
                if name.startswith(kind) and name[len(kind) :][:1].isdigit():
                    return self.dtype(float(name[len(kind) :].split("_")[0]))
        return self.eps

    def reciprocal(self, square, eps, kind):
        if any(self.made(f"{kind}eps_{own}outside_root") for own in ("", "2e-4_")):
            return 1 / (np.sqrt(square) + eps)
        return 1 / (square + eps) if self.made(f"{kind}no_root") else 1 / np.sqrt(square + eps)


class LayerNorms(Norms):
    def row_mean(self, x, less=0):
        if self.made("ln_over_positions"):
            return x.mean(-2, keepdims=True)
        return x.sum(-1, keepdims=True) / self.dtype(x.shape[-1] - less)

    def norm(self, at, x):
        low = lambda value: self.narrow(value, "norm")  # noqa: E731
        less = 1 if self.made("variance_n_minus_1") else 0
        x = low(x)
        mean = low(self.row_mean(x))
        centered = x if self.made("rms_for_layer_norm") else low(x - mean)
        var = low(self.row_mean(low(centered**2), less))
        rstd = low(self.reciprocal(var, self.own_eps("eps_"), ""))
        hat = low(centered * rstd)
        self.put(f"{at}.xhat", hat)
        if not self.made("ln_over_positions"):  # its moments have another shape
            for key, value in {"mean": mean, "variance": var, "rstd": rstd}.items():
                self.put(f"{at}.{key}", value)
        self.rstd[at] = rstd
        y = hat if self.made("no_ln_gain") else low(hat * low(self.p[f"{at}.weight"]))
        if not self.made("no_ln_bias"):
            y = low(y + low(self.p[f"{at}.bias"]))
        return self.put(f"{at}.out", y)

    def norm_back(self, at, dy):
        hat, rstd = self.out[f"{at}.xhat"], self.rstd[at]
        axes = tuple(range(dy.ndim - 1))
        self.g[f"{at}.weight"] = (dy * hat).sum(axes)
        if self.made("no_ln_gain_grad") or self.made("no_ln_gain"):
            self.g[f"{at}.weight"] = 0 * self.g[f"{at}.weight"]
        self.g[f"{at}.bias"] = dy.sum(axes) * (0 if self.made("no_ln_bias") else 1)
        dhat = dy if self.made("no_ln_gain") else dy * self.p[f"{at}.weight"]
        first = self.row_mean(dhat)
        second = self.row_mean(dhat * hat, 1 if self.made("variance_n_minus_1") else 0)
        if any(self.made(name) for name in ("eps_outside_root", "eps_2e-4_outside_root")):
            second = second / (1 - self.own_eps("eps_") * rstd)
        if self.made("no_root"):
            second = 2 * second / rstd
        no_first = ("ln_backward_no_first_mean", "ln_backward_no_mean", "rms_for_layer_norm")
        if any(map(self.made, no_first)):
            first = 0
        if self.made("ln_backward_no_second_mean") or self.made("ln_backward_no_mean"):
            second = 0
        self.put(f"d{at}.out", dy)
        dx = dhat - first - hat * second
        return dx if self.made("ln_backward_no_rstd") else rstd * dx


class RmsNorms(Norms):
    def row_mean(self, x):
        return x.mean(-2 if self.made("rms_over_positions") else -1, keepdims=True)

    def gain(self, at):
        gain = self.p[f"{at}.weight"]
        return self.dtype(1) if self.made("no_rms_gain") else gain + self.made("rms_gain_plus_1")

    def norm(self, at, x):
        low = lambda value: self.narrow(value, "norm")  # noqa: E731
        x = low(x)
        if self.made("rms_centred"):
            x = x - x.mean(-1, keepdims=True)
        square = low(self.row_mean(low(x**2)))
        rstd = low(self.reciprocal(square, self.own_eps("rms_eps_"), "rms_"))
        hat = low(x * rstd)
        self.rstd[at] = rstd
        if not self.made("rms_over_positions"):  # it has another shape
            self.put(f"{at}.rstd", rstd)
        self.put(f"{at}.xhat", hat)
        return self.put(f"{at}.out", low(hat * low(self.gain(at))))

    def norm_back(self, at, dy):
        hat, rstd = self.out[f"{at}.xhat"], self.rstd[at]
        self.put(f"d{at}.out", dy)
        dgain = (dy * hat).sum(tuple(range(dy.ndim - 1)))
        missing = self.made("no_rms_gain_grad") or self.made("no_rms_gain")
        self.g[f"{at}.weight"] = 0 * dgain if missing else dgain
        dhat = dy * self.gain(at)
        along = self.row_mean(dhat * hat)
        if self.made("rms_eps_outside_root"):
            along = along / (1 - self.eps * rstd)
        if self.made("rms_no_root"):
            along = 2 * along / rstd
        if self.made("rms_backward_no_mean"):
            along = 0
        dx = dhat - hat * along
        dx = dx if self.made("rms_backward_no_rstd") else rstd * dx
        return dx - dx.mean(-1, keepdims=True) if self.made("rms_centred") else dx
