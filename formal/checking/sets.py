"""Statements over sets: the next token of a whole box, and of all texts of a length."""

import itertools
from operator import add, mul, sub

from checking.errors import Wrong

HEAD = ("lm_head", "unembedding")
"""The path and the function of what makes logits."""


def most_likely(run):
    """(w_i - w_j) · x > 0 for each other token j, x being what the head reads at the end."""
    token, heads = run.next["token"], [u for u in run.units if (u.path, u.call["function"]) == HEAD]
    if not heads or run.part is not None:
        raise Wrong("a next token is stated, and the head that it follows from is not here")
    x, weight = (run.tensors.array(heads[0].reads[argument]) for argument in ("x", "weight"))
    size, n = weight.shape
    if token not in range(size) or not x.m:
        raise Wrong(f"the next token is stated to be {token}, which is none of {size}")
    rows = [(weight.m[i : i + n], weight.r[i : i + n]) for i in range(0, size * n, n)]
    (own, wide), middles, radii = rows[token], x.m[-n:], x.r[-n:]
    for j, (row, widths) in enumerate(rows):
        m, r = list(map(sub, own, row)), list(map(add, wide, widths))
        off = sum(map(mul, map(abs, m), radii))
        off += sum((abs(c) + s) * q for c, s, q in zip(middles, radii, r))
        if j != token and sum(map(mul, m, middles)) <= off:
            raise Wrong(f"the next token is stated to be {token}, and {j} may be as likely")
    where, within = "these inputs", run.tensors.within
    if within:
        where = f"all numbers within {within['radius']!r} of those of {within['of']}"
    return f"for {where}, token {token} has the largest logit at the last position"


def all_texts(runs, length):
    """That these are the runs of all texts of so many tokens by one model, with what is next."""

    def model(run):
        given = [
            (name, record["sha256"], record["dtype"], record["shape"])
            for name, record in sorted(run.given.items())
            if name != read
        ]
        return run.calls, given, sorted(run.alias.items()), run.tensors.box_of

    embeddings = [call["inputs"] for call in runs[0].calls if call["function"] == "embedding"]
    if len(embeddings) != 1 or any(not run.next for run in runs):
        raise Wrong("all texts of a length are stated, and not with what is next of each")
    read, table = embeddings[0]["tokens"], embeddings[0]["weight"]
    size = runs[0].tensors.shape(table)[0]
    if any(model(run) != model(runs[0]) for run in runs):
        raise Wrong("all texts of a length are stated, and the runs are not of one model")
    texts = sorted(run.tensors.whole(read) for run in runs)
    number = size**length if length in range(1, 100) else None
    if len(texts) != number or texts != list(itertools.product(range(size), repeat=length)):
        raise Wrong(f"all texts of {length} tokens are stated, and the runs are not those")
    return f"these are all {len(texts):,} texts of {length} of the {size} tokens"
