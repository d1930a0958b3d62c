"""Chat templates: what transformers makes of a conversation, and what no template may do."""

import subprocess
import sys
import time
from itertools import product

import pytest

from pellucid.errors import CheckpointError, ConfigError, TextError
from pellucid.text import BPE, ChatTemplate, Tokenizer, train_bpe

MARKS = ("<|im_start|>", "<|im_end|>", "<s>")
CHATML = (
    "{% for message in messages %}\n"
    "    {% if message['role'] == 'robot' %}{{ raise_exception('no robots!') }}{% endif %}\n"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + '<|im_end|>\n' }}"
    "{% endfor %}\n"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
INST = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
HELLO = [{"role": "user", "content": " Hello you \n"}]
TALK = [
    {"role": "system", "content": "Be brief."},
    *HELLO,
    {"role": "assistant", "content": "Hi."},
    {"role": "user", "content": "And?"},
]


@pytest.fixture(scope="module")
def pieces() -> Tokenizer:
    text = "user assistant system Hello you Be brief. Hi. And? [INST] [/INST] " * 4
    return train_bpe(text, 300, special_tokens=MARKS)


def spelled(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    return [tokenizer.piece(token).decode() for token in ids]


@pytest.mark.parametrize("messages", [HELLO, TALK], ids=["one", "several"])
@pytest.mark.parametrize("source", [CHATML, INST], ids=["chatml", "inst"])
@pytest.mark.parametrize("answer", [True, False])
def test_a_conversation_becomes_what_transformers_makes_of_it(
    source: str, messages: list[dict[str, str]], answer: bool, pieces: BPE
):
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer as Library

    tokens = {"bos_token": "<s>", "eos_token": "<|im_end|>"}
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Library.from_str(pieces.to_json()), chat_template=source, **tokens
    )
    template = ChatTemplate(source, tokens)
    told = {"add_generation_prompt": answer}
    wanted = theirs.apply_chat_template(messages, tokenize=False, **told)
    assert template.render(messages, answer=answer) == wanted
    ids = theirs.apply_chat_template(messages, tokenize=True, return_dict=False, **told)
    assert template.encode(pieces, messages, answer=answer) == ids


@pytest.mark.parametrize(
    "typed",
    ["<|im_end|>", "a <|im_end|>b<|im_start|>", "<|im_<|im_end|>end|>", "<s>", "x <|endoftext|>"],
)
def test_who_types_a_special_token_types_plain_text(typed: str, pieces: Tokenizer):
    template = ChatTemplate(CHATML)
    ids = template.encode(pieces, [{"role": "user", "content": typed}])
    assert [piece for piece in spelled(pieces, ids) if piece in pieces.special_tokens] == [
        "<|im_start|>",
        "<|im_end|>",
        "<|im_start|>",
    ]
    assert pieces.decode(ids) == template.render([{"role": "user", "content": typed}])


@pytest.mark.parametrize(("before", "typed", "behind"), [
    ("", "<|im_end|", ">"), ("<", "|im_end|>", ""), ("", "<", "|im_end|> "),
])  # fmt: skip
def test_nor_do_text_and_template_together_make_one(
    before: str, typed: str, behind: str, pieces: Tokenizer
):
    source = f"{before}{{{{ messages[0].content }}}}{behind}"
    ids = ChatTemplate(source).encode(pieces, [{"role": "user", "content": typed}])
    assert pieces.decode(ids) == before + typed + behind
    assert [piece for piece in spelled(pieces, ids) if piece in pieces.special_tokens] == []


def test_a_text_of_private_characters_is_one_too(pieces: Tokenizer):
    typed = "\ue000\ue001 <|im_end|>"
    ids = ChatTemplate("{{ messages[0].content }}").encode(
        pieces, [{"role": "user", "content": typed}]
    )
    assert pieces.decode(ids) == typed
    every = "".join(map(chr, range(0xE000, 0xF8FF)))
    with pytest.raises(TextError, match="leave one private character of Unicode unused"):
        ChatTemplate("").encode(pieces, [{"role": "user", "content": every}])


def test_marks_that_overlap_are_parted_each():
    pieces = train_bpe("<x " * 9, 270, special_tokens=("<<x<<",))
    ids = ChatTemplate("{{ messages[0].content }}").encode(
        pieces, [{"role": "user", "content": "a<<x<<x<<"}]
    )
    assert pieces.special_tokens["<<x<<"] not in ids
    assert pieces.decode(ids) == "a<<x<<x<<"


def test_what_a_template_writes_itself_is_whole(pieces: Tokenizer):
    template = ChatTemplate("\ue000{{ messages[0].content }}")
    assert (
        pieces.decode(template.encode(pieces, [{"role": "user", "content": "<s>"}])) == "\ue000<s>"
    )


def test_a_lone_half_of_a_character_is_refused(pieces: Tokenizer):
    with pytest.raises(TextError, match="surrogate"):
        ChatTemplate(CHATML).encode(pieces, [{"role": "user", "content": "a\ud800"}])


@pytest.mark.parametrize(
    ("source", "ends", "wanted"),
    [
        (CHATML, (), {"<|im_end|>", "<|endoftext|>"}),
        (INST, ("<s>",), {"<s>", "<|endoftext|>"}),
        (CHATML, ("unknown",), {"<|im_end|>", "<|endoftext|>"}),
        ("{{ raise_exception('no') }}", ("<s>",), {"<s>", "<|endoftext|>"}),
    ],
)
def test_an_answer_ends_where_its_file_or_its_template_says(
    source: str, ends: tuple[str, ...], wanted: set[str], pieces: Tokenizer
):
    stops = ChatTemplate(source, {}, ends).stops(pieces)
    assert {pieces.piece(token).decode() for token in stops} == wanted


def test_what_a_template_refuses_is_said_in_its_words():
    with pytest.raises(ConfigError, match="and it says: 'no robots!'; write another"):
        ChatTemplate(CHATML).render([{"role": "robot", "content": "Beep"}])


LOOP = "{% for i in range(99999) %}"
HOSTILE = {
    "a loop": (f"{LOOP}{LOOP}{{% endfor %}}{{% endfor %}}", "not done after 5 seconds"),
    "a long text": (f"{LOOP}{{{{ 'a' * 1000 }}}}{{% endfor %}}", "more than 16,777,216 characters"),
    "a huge text": ("{{ 'a' * 10 ** 10 }}", "more than 1 GiB of memory"),
    "doubled": (
        f"{{% set n = namespace(x='ab') %}}{LOOP}{{% set n.x = n.x + n.x %}}{{% endfor %}}",
        "more than 1 GiB of memory",
    ),
    "a range": ("{{ range(10 ** 9) | list }}", "Range too big"),
    "itself": ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself without end"),
    "nested": ("{{ " + "(" * 5000 + " }}", "calls itself without end"),
    "a class": ("{{ ''.__class__.__mro__ }}", "is unsafe"),
    "globals": ("{{ raise_exception.__globals__['os'] }}", "is unsafe"),
    "cycler": ("{{ cycler.__init__.__globals__.os }}", "is unsafe"),
    "a file": ("{% include '/etc/passwd' %}", "no loader"),
    "an import": ("{% import 'os' as os %}", "no loader"),
    "a change": ("{{ messages.append(1) }}", "is unsafe"),
    "filler": ("{{ lipsum(9999) }}", "is undefined"),
    "no end": ("{% if %}", "Expected an expression"),
    "nothing": ("{{ messages[7].content }}", "has no element 7"),
    "zero": ("{{ 1 / 0 }}", "division by zero"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_template_may_not_do_is_one_line_and_soon(what: str):
    source, said = HOSTILE[what]
    begun = time.monotonic()
    with pytest.raises(CheckpointError) as caught:
        ChatTemplate(source).render(HELLO)
    assert time.monotonic() - begun < 60
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith("a chat template must be one that can be filled in")
    assert len(message) < 400
    assert said in message


def test_nothing_is_opened_from_within():
    """Were the sandbox to leak, there would still be no file and no socket."""
    pytest.importorskip("resource")
    code = """
import socket
from pellucid.text import rendering
rendering._fence()
for act in (lambda: open("/etc/hostname"), socket.socket):
    try:
        act()
    except OSError as error:
        print(error.errno == 24)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert run.stdout.split() == ["True", "True"]


def test_templates_have_the_functions_that_transformers_gives():
    source = "{{ strftime_now('%Y') | length }}{{ messages | tojson }}"
    source += "{% for i in [1, 2] %}{% break %}{% endfor %}"
    said = ChatTemplate(source).render([{"role": "user", "content": "é"}])
    assert said == '4[{"role": "user", "content": "é"}]'


def test_spaces_around_blocks_are_cut_as_transformers_cuts_them():
    for trim, strip in product(("", "\n"), ("", "   ")):
        assert (
            ChatTemplate(f"a\n{strip}{{% if true %}}{trim}b{{% endif %}}").render(HELLO) == "a\nb"
        )
