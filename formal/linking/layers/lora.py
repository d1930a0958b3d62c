"""A linear map with LoRA's pair."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Width 2 to 3 at rank 2, with a bias."""
    w = Writing("lora_code")
    x, weight, bias = w.input("x", 2, 2), w.input("weight", 2, 3), w.input("bias", 3)
    own = {name: w.input(name, 2, out) for name, out in (("lora_a", 2), ("lora_b", 3))}
    w.pair("lora_linear", x, weight=weight, bias=bias, **own, gradient=("dout", 2, 3))
    yield w.theorem(
        "A linear map with LoRA's pair.",
        Stage("low", "linear_map 2 x lora_a", "linear_map"),
        Stage(
            "out",
            "lora_linear 2 2 3 x weight bias lora_a lora_b",
            "lora_linear linear linear_map",
        ),
        Stage("dlora_b", "lora_dlora_b 2 2 x lora_a dout", "lora_dlora_b linear_dweight"),
        Stage("dlow", "linear_dx 3 lora_b dout", "linear_dx"),
        Stage("dlora_a", "lora_dlora_a 2 3 x lora_b dout", "lora_dlora_a linear_dweight"),
        Stage("dweight", "linear_dweight 2 x dout", "linear_dweight"),
        Stage("dbias", "linear_dbias 2 dout", "linear_dbias"),
        Stage("dx", "lora_dx 2 3 weight lora_a lora_b dout", "lora_dx linear_dx"),
    )
