"""What each call of a GPT, a Llama or a Transformer has to read, as its architecture says.

A rule is `reader=source|source`: what the reader, an argument of a call, reads is the first of the
sources that there is. Names are beside the block; `^` is beside the stack of blocks, `/` at the
top of the model. `attn.*` are the first maps of attention, `mlp.*` and `cross.*` theirs.
"""

import re

from checking.errors import Wrong, joined, title

FIRST = {"attn": "c_attn q_proj k_proj v_proj", "mlp": "c_fc gate_proj up_proj", "cross": "c_q"}

HALVES = {
    "block pre": "ln_1.x=resid_pre attn.*=ln_1.out ln_2.x=resid_mid mlp.*=ln_2.out",
    "block post": "attn.*=resid_pre ln_1.x=sum_1 resid_mid=ln_1.out mlp.*=ln_1.out ln_2.x=sum_2 "
    "resid_post=ln_2.out",
    "decoder_block pre": "ln_1.x=resid_pre attn.*=ln_1.out ln_2.x=resid_mid cross.*=ln_2.out "
    "ln_3.x=resid_cross mlp.*=ln_3.out",
    "decoder_block post": "attn.*=resid_pre ln_1.x=sum_1 resid_mid=ln_1.out cross.*=ln_1.out "
    "ln_2.x=sum_2 resid_cross=ln_2.out mlp.*=ln_2.out ln_3.x=sum_3 resid_post=ln_3.out",
}
"""The two or three parts of a block and their norms; `resid_pre` is what the block itself reads."""

INSIDE = """
attn.q_norm.x=attn.q_heads            attn.q_rope.x=attn.q_norm.out|attn.q_heads
attn.k_norm.x=attn.k_heads            attn.k_rope.x=attn.k_norm.out|attn.k_heads
attn.q_rope.cos=^rope.cos             attn.q_rope.sin=^rope.sin
attn.k_rope.cos=^rope.cos             attn.k_rope.sin=^rope.sin
attn.q=attn.q_rope.out|attn.q_norm.out|attn.q_heads|attn.q
attn.k_repeat.x=attn.k_rope.out|attn.k_norm.out|attn.k_heads
attn.k=attn.k_repeat.out|attn.k_rope.out|attn.k_norm.out|attn.k_heads|attn.k
attn.v_repeat.x=attn.v_heads          attn.v=attn.v_repeat.out|attn.v_heads|attn.v
attn.attn_dropout.x=attn.att          cross.attn_dropout.x=cross.att
attn.c_proj.x=attn.merged             cross.c_proj.x=cross.merged
attn.resid_dropout.x=attn.c_proj.out  cross.resid_dropout.x=cross.c_proj.out
cross.q=cross.q                       cross.k=cross.k            cross.v=cross.v
mlp.act.x=mlp.gate_proj.out|mlp.c_fc.out
mlp.c_proj.x=mlp.gated|mlp.act.out    mlp.dropout.x=mlp.c_proj.out
"""
"""Inside attention and the feed-forward network."""

AROUND = """
embed.tokens={tokens}  embed.weight=^wte.weight|/wte.weight  scale.x=^embed.out
wpe.x=^embed.out       wpe.weight=^wpe.weight                position.x=^scale.out
drop.x=^position.out|^wpe.out|^embed.out
h.0.resid_pre=^drop.out|^position.out|^wpe.out|^embed.out
ln_f.x=^{last}         ln_f.weight=^ln_f.weight              ln_f.bias=^ln_f.bias
"""
"""Before and behind a stack of blocks, whose last one makes {last}."""

HEAD = """
lm_head.x=^ln_f.out|^{last}          lm_head.weight=/lm_head.weight|^wte.weight|/wte.weight
logits=/lm_head.out                  targets=/targets
rope.frequencies=/frequencies
"""

MEMORY = "/enc.ln_f.out|/enc.{last}"
"""What the decoder reads of the encoder."""

PARAMETER = re.compile(r"(^|\.)(?<!position\.)(weight|bias|lora_a|lora_b)$")
"""Names of parameters; the Transformer's table of positions is none."""

BLOCKS = {"block", "gated_block", "mixed_block", "decoder_block"}


def connections(run):
    """For each argument of a block or a model what it reads, and what it has to read."""
    blocks = {call["path"]: call for call in run.calls if call["function"] in BLOCKS}
    stacks = {}
    for path in blocks:
        if found := re.fullmatch(r"(|.*\.)h\.(\d+)", path):
            stacks.setdefault(found[1], set()).add(int(found[2]))

    def last(prefix, number=None):
        """What a block of a stack hands on: behind a norm, or without."""
        path = f"h.{max(stacks.get(prefix, [0])) if number is None else number}"
        if norm(blocks.get(prefix + path)) != "post":
            return f"{path}.resid_post"
        decodes = blocks[prefix + path]["function"] == "decoder_block"
        return f"{path}.ln_{3 if decodes else 2}.out"

    def expected(rules, prefix, stack, own=None):
        """`own` is the block, which alone knows what it reads itself."""
        for rule in rules.split():
            reader, _, sources = rule.partition("=")
            names = [
                {"^": stack, "/": ""}.get(x[0], prefix) + x.lstrip("^/") for x in sources.split("|")
            ]
            if own and sources == "resid_pre":
                names = [own["inputs"].get("resid_pre")]
            known = [name for name in names if name in run.makers or name in run.given]
            if not known and own and own["function"] == "mixed_block":
                continue
            part = reader.removesuffix(".*")
            ends = [reader] if part == reader else [f"{part}.{x}.x" for x in FIRST[part].split()]
            for end in ends:
                yield from said(prefix + end, known[0] if known else None)

    def said(reader, source):
        """The tensors that are read as this, and one that is called so."""
        named = {run.alias.get(reader, reader)} - {reader}
        yield from ((reader, name, source) for name in named | run.arguments.get(reader, set()))

    for path, block in blocks.items():
        decodes = block["function"] == "decoder_block"
        halves = HALVES.get(f"{'decoder_block' if decodes else 'block'} {norm(block)}")
        if halves is None:
            raise Wrong(f"{title(block)}: its norm is {norm(block)!r}, which is not known here")
        stack = re.sub(r"h\.\d+$", "", path)
        stack = joined(path, "") if stack == path else stack
        yield from expected(f"{halves} {INSIDE}", f"{path}.", stack, own=block)
        own = re.compile(re.escape(path) + r"\.(ln_\d|attn|cross|mlp)\.")
        for reader in run.arguments:
            if own.match(reader) and PARAMETER.search(reader):
                shared = block["function"] == "mixed_block"  # one block after another, by design
                yield from said(reader, run.alias.get(reader) if shared else reader)
    for prefix, numbers in stacks.items():
        tokens = "/source" if prefix == "enc." else "/tokens"
        yield from expected(AROUND.format(tokens=tokens, last=last(prefix)), prefix, prefix)
        for i in numbers - {0}:
            yield from expected(f"h.{i}.resid_pre=^{last(prefix, i - 1)}", prefix, prefix)
        if prefix == "dec.":
            memory = MEMORY.format(last=last("enc."))
            rules = " ".join(f"dec.h.{i}.cross.c_kv.x={memory}" for i in numbers)
            yield from expected(f"{rules} dec.memory={memory}", "", "")
        if prefix in {"", "dec."}:
            yield from expected(HEAD.format(last=last(prefix)), "", prefix)


def norm(block):
    return block["settings"].get("norm", "pre") if block else "pre"
