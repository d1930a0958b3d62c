"""The parts of `formal/check.py`, in the order in which they are best read.

    errors         what a certificate can be told
    functions      exp, log, cos, sin and erf in whole numbers, with stated errors
    intervals      arrays of intervals and what is computed of them
    chain_rule     values that remember their operands, and what comes back through them
    equations      layers, losses and the optimizers' rules, forward only
    blocks         attention, rotary positions, and calls that hold other calls
    connections    what each call of a GPT, a Llama or a Transformer has to read
    certificate    the file: JSON, bytes, enclosures
    run            who makes and who reads what, and the gradient of any value
    checker        one call after the other

Standard library alone, and nothing of Pellucid.
"""
