"""The embedding of tokens, and the head that is its mirror image."""

from collections.abc import Iterator

from linking.fixed import given, table
from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Three tokens of four, one of them twice; and the head."""
    w = Writing("embedding_code")
    ids = [2, 0, 2]
    w.pair(
        "embedding", given(ids), weight=w.input("weight", 4, 2), gradient=("dout", 3, 2), back=("",)
    )
    tokens = table([f"{one}%nat" for one in ids])
    yield w.theorem(
        "The embedding of the tokens 2, 0, 2.",
        Stage("out", f"embedding {tokens} weight", "embedding"),
        Stage("dweight", f"embedding_dweight 3 {tokens} dout", "embedding_dweight"),
    )
    w = Writing("unembedding_code")
    x, weight = w.input("x", 2, 2), w.input("weight", 3, 2)
    w.pair("unembedding", x, weight=weight, gradient=("dout", 2, 3))
    yield w.theorem(
        "The unembedding.",
        Stage("out", "unembedding 2 x weight", "unembedding"),
        Stage("dweight", "unembedding_dweight 2 x dout", "unembedding_dweight"),
        Stage("dx", "unembedding_dx 3 weight dout", "unembedding_dx"),
    )
