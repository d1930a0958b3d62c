"""How near a model's work on this machine comes to what the machine can do.

forward_flops, train_flops   operations of the formula, from a configuration
token_bytes, step_bytes      bytes that a decoded token reads, and a training step
measure_machine              peaks of matrix products, and the bandwidth of memory
measure_model                a training step, a prompt and decoding, timed
sweep, exponent              cost against size, one size at a time
"""

from pellucid.bench.costs import forward_flops, step_bytes, token_bytes, train_flops
from pellucid.bench.machine import Machine, measure_machine
from pellucid.bench.model import BenchSizes, MeasuredRow, measure_model
from pellucid.bench.quiet import Quiet
from pellucid.bench.sweep import SweepPoint, exponent, sweep

__all__ = [
    "BenchSizes",
    "Machine",
    "MeasuredRow",
    "Quiet",
    "SweepPoint",
    "exponent",
    "forward_flops",
    "measure_machine",
    "measure_model",
    "step_bytes",
    "sweep",
    "token_bytes",
    "train_flops",
]
