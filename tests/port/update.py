"""An optimizer in NumPy, in which one can make mistakes: either port's step is replaced by it.

It knows nothing of Pellucid. What a mistake's number is stands in `NUMBERS`.
"""

import numpy as np

from tests.port.gpt2 import ADAM_EPS, BETA1, BETA2, round_to_bits

MISTAKES = (
    *("decay_of_all", "decay_of_biases", "decay_of_gains", "no_decay", "no_decay_of_embeddings"),
    *("other_decay", "decay_without_rate", "decay_after"),
    *("other_learning_rate", "uphill", "rate_and_decay"),
    *("other_beta1", "other_beta2", "both_betas"),
    *("no_bias_correction_m", "no_bias_correction_v"),
    *("other_adam_eps", "adam_eps_inside_root", "adam_eps_before_correction"),
    *("gradients_clipped", "gradients_cut", "loss_scale_left", "gradients_times"),
    *("bf16_moments", "bf16_weights"),
)
"""Those that the first step shows."""

NUMBERS = {"rate": 3e-4, "decay": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-5, "norm": 0.5}
NUMBERS |= {"limit": 0.01, "scale": 65536.0, "times": 0.37}


class Optimizer:
    """AdamW; of the parameters only matrices decay."""

    def __init__(self, mistakes=()):
        self.mistakes = set(mistakes)
        assert self.mistakes <= set(MISTAKES), self.mistakes

    def made(self, *mistakes):
        return bool(self.mistakes & set(mistakes))

    def rate(self, rate):
        rate = NUMBERS["rate"] if self.made("other_learning_rate", "rate_and_decay") else rate
        return -rate if self.made("uphill") else rate

    def decay(self, name, w, decay):
        if self.made("no_decay"):
            return 0.0
        if self.made("no_decay_of_embeddings") and name in {"wte.weight", "wpe.weight"}:
            return 0.0
        own = NUMBERS["decay"] if self.made("other_decay", "rate_and_decay") else decay
        is_bias = name.endswith("bias")
        undue = self.made("decay_of_all", "decay_of_biases" if is_bias else "decay_of_gains")
        return own if w.ndim == 2 or undue else 0.0

    def slope(self, g, every):
        dtype = g.dtype.type
        if self.made("gradients_clipped"):
            norm = np.sqrt(sum(float((one.astype(np.float64) ** 2).sum()) for one in every))
            return g * dtype(min(1.0, NUMBERS["norm"] / (norm + 1e-6)))
        if self.made("gradients_cut"):
            return g.clip(-dtype(NUMBERS["limit"]), dtype(NUMBERS["limit"]))
        if self.made("loss_scale_left"):
            return g * dtype(NUMBERS["scale"])
        return g * dtype(NUMBERS["times"]) if self.made("gradients_times") else g

    def below(self, v, corrected, t, dtype):
        eps = dtype(NUMBERS["eps"] if self.made("other_adam_eps") else ADAM_EPS)
        if self.made("adam_eps_inside_root"):
            return np.sqrt(corrected + eps)
        if self.made("adam_eps_before_correction"):
            return (np.sqrt(v) + eps) / np.sqrt(dtype(1 - self.beta2**t))
        return np.sqrt(corrected) + eps

    def moved(self, name, w, g, state, t, rate, decay):
        """The parameter after the step."""
        dtype = w.dtype.type
        beta1 = NUMBERS["beta1"] if self.made("other_beta1", "both_betas") else BETA1
        beta2 = NUMBERS["beta2"] if self.made("other_beta2", "both_betas") else BETA2
        self.beta2 = beta2
        rate, lam = self.rate(rate), self.decay(name, w, decay)
        m, v = state.get(name, (np.zeros_like(w), np.zeros_like(w)))
        m = dtype(beta1) * m + dtype(1 - beta1) * g
        v = dtype(beta2) * v + dtype(1 - beta2) * g * g
        if self.made("bf16_moments"):
            m, v = round_to_bits(m, 8), round_to_bits(v, 8)
        state[name] = m, v
        m_hat = m if self.made("no_bias_correction_m") else m / dtype(1 - beta1**t)
        v_hat = v if self.made("no_bias_correction_v") else v / dtype(1 - beta2**t)
        move = m_hat / self.below(v, v_hat, t, dtype)
        pulled = dtype(lam) * w * (1 if self.made("decay_without_rate") else dtype(rate))
        new = w - dtype(rate) * move - pulled
        if self.made("decay_after"):
            new = w - dtype(rate) * move
            new = new - dtype(rate) * dtype(lam) * new
        return round_to_bits(new, 8) if self.made("bf16_weights") else new

    def step(self, port, t, state, rate, decay):
        """One step of all parameters of a port."""
        every = list(port.g.values())
        for name, w in port.p.items():
            g = self.slope(port.g[name], every)
            port.p[name] = self.moved(name, w, g, state, t, rate, decay)
