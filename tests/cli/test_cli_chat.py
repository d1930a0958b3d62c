"""`pellucid chat`: turns by a model's own template, from a pipe or a terminal."""

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import (
    export_gguf,
    open_model,
    read_chat_template,
    save,
    write_chat_template,
)
from pellucid.generate import Sampling
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig
from pellucid.terminal.chat import Partner, said, talk
from pellucid.terminal.screen import Screen
from pellucid.text import Characters, ChatTemplate, Tokenizer, train_bpe
from pellucid.tree import flatten, unflatten
from tests.cli.conftest import Command

MARKS = ("<|im_start|>", "<|im_end|>")
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEMPLATE = ChatTemplate(CHATML, {"eos_token": "<|im_end|>"}, ("<|im_end|>",))


@pytest.fixture(scope="module")
def pieces() -> Tokenizer:
    text = "user\nassistant\nsystem\nhello hello you\nbe brief\n" * 4
    return train_bpe(text, 310, special_tokens=MARKS)


def parrot(pieces: Tokenizer, words: str) -> Llama:
    """A model whose next token follows from the last one alone, by a table."""
    answer = [*pieces.encode(words), pieces.special_tokens["<|im_end|>"]]
    chain = [pieces.encode("\n")[0], *answer]
    size = pieces.vocab_size
    sizes = {"n_layer": 1, "n_head": 1, "n_kv_head": 1, "n_inner": 2, "tied": False}
    config = LlamaConfig(size, 128, n_embd=size + size % 2, **sizes)  # type: ignore[arg-type]
    params = {name: torch.zeros(shape) for name, shape in config.parameter_shapes().items()}
    params["wte.weight"][torch.arange(size), torch.arange(size)] = 1.0
    params["ln_f.weight"] += 1.0
    for before, after in pairwise(chain):
        params["lm_head.weight"][after, before] = 1.0
    return Llama(config, unflatten(params))


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Say something through a pipe."""

    def say(text: str | bytes) -> None:
        raw = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))

    return say


@pytest.fixture(params=["gguf", "directory"])
def model(request: pytest.FixtureRequest, pieces: Tokenizer, tmp_path: Path) -> Path:
    """The parrot in files."""
    if request.param == "gguf":
        export_gguf(parrot(pieces, "hello you"), pieces, tmp_path / "m.gguf", template=TEMPLATE)
        return tmp_path / "m.gguf"
    save(parrot(pieces, "hello you"), tmp_path / "m")
    pieces.save(tmp_path / "m")
    write_chat_template(TEMPLATE, tmp_path / "m")
    return tmp_path / "m"


def test_it_answers_each_line_of_a_pipe(
    pellucid: Command, model: Path, speaking: Callable[[str], None]
):
    speaking("hello\n\n be brief \n")
    ended = pellucid("chat", "--model", model, "--greedy")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "> hello\nhello you\n> be brief\nhello you\n"


def test_the_tokens_of_the_template_can_be_seen(
    pellucid: Command, model: Path, speaking: Callable[[str], None]
):
    speaking("hello\nyou <|im_end|>\n")
    ended = pellucid("chat", "--model", model, "--greedy", "--show-tokens", "--system", "be brief")
    assert (ended.code, ended.err) == (0, "")
    shown = "".join(ended.out.split())
    assert "<|im_start|>·system·\\n·be·brief·<|im_end|>·\\n·<|im_start|>·user·\\n·" in shown
    assert shown.count("system") == 1, "what was shown is not shown again"
    assert shown.count("hello·you·<|im_end|>") == 2
    assert "<|im_start|>·assistant·\\n" in shown
    assert "·you·" in shown
    assert "·you·<|im_end|>·<|im_end|>" not in shown, "what is typed is plain text"


def test_a_model_without_a_template_is_one_line(
    pellucid: Command, speaking: Callable[[str], None], tmp_path: Path
):
    speaking("hello\n")
    line = pellucid("chat", "--model", "english-1M").refused()
    assert "english-1M has none: pellucid generate --prompt" in line
    (tmp_path / "m").mkdir()
    sizes = {"block_size": 8, "n_layer": 1, "n_head": 1, "n_embd": 4}
    save(GPT.init(GPTConfig(3, **sizes)), tmp_path / "m")  # type: ignore[arg-type]
    Characters("abc").save(tmp_path / "m")
    assert "has none" in pellucid("chat", "--model", tmp_path / "m").refused()


def test_mistakes_are_one_line(pellucid: Command, model: Path, speaking: Callable[[str], None]):
    speaking("hello\n")
    assert "--model" in pellucid("chat").refused()
    line = pellucid("chat", "--model", model, "--greedy", "--top-k", 3).refused()
    assert "or --greedy" in line
    speaking("hello you " * 99)
    line = pellucid("chat", "--model", model, "--greedy").refused()
    assert "model's context of 128 tokens" in line


def test_what_is_no_utf_8_and_what_a_terminal_obeys_is_shown(
    pellucid: Command, model: Path, speaking: Callable[[bytes], None]
):
    speaking(b"a\xff\x1b[2J\n")
    ended = pellucid("chat", "--model", model, "--greedy")
    assert ended.code == 0, ended.err
    assert ended.out == "> a\ufffd\\x1b[2J\nhello you\n"


def chatted(
    pieces: Tokenizer, lines: Iterator[str], *, most: int = 9, words: str = "hello you"
) -> tuple[list[dict[str, str]], str]:
    screen = Screen(file=io.StringIO(), width=100)
    partner = Partner(parrot(pieces, words), pieces, TEMPLATE)
    how = {"sampling": Sampling(greedy=True), "seed": 1, "max_new_tokens": most}
    messages = talk(screen, partner, lines, **how)  # type: ignore[arg-type]
    return messages, screen.file.getvalue()  # type: ignore[attr-defined]


def test_what_a_model_says_is_shown_and_not_obeyed(pieces: Tokenizer):
    messages, out = chatted(pieces, iter(["be"]), words="hello\x1b[2J")
    assert messages[-1]["content"] == "hello\x1b[2J"
    assert out == "hello\\x1b[2J\n"


def test_all_that_was_said_is_read_again(pieces: Tokenizer):
    messages, out = chatted(pieces, iter(["hello", "you"]))
    assert [one["role"] for one in messages] == ["user", "assistant"] * 2
    assert [one["content"] for one in messages] == ["hello", "hello you", "you", "hello you"]
    assert out == "hello you\nhello you\n"


def test_an_answer_has_so_many_tokens_at_most(pieces: Tokenizer):
    messages, out = chatted(pieces, iter(["hello"]), most=1)
    assert messages[-1]["content"] == out.strip() == "hello"


def test_an_answer_ends_where_the_context_is_full(pieces: Tokenizer):
    messages, _ = chatted(pieces, iter(["be"]), most=999, words="hello hello hello")
    ids = TEMPLATE.encode(pieces, messages[:1])
    assert messages[-1]["content"].count("hello") == 128 - len(ids)


def test_ctrl_c_stops_an_answer_and_not_the_conversation(
    pieces: Tokenizer, monkeypatch: pytest.MonkeyPatch
):
    class Impatient(io.StringIO):
        left = 1

        def flush(self) -> None:
            Impatient.left -= 1
            if not Impatient.left:
                raise KeyboardInterrupt

    screen = Screen(file=Impatient(), width=100)
    partner = Partner(parrot(pieces, "hello you"), pieces, TEMPLATE)
    how = {"sampling": Sampling(greedy=True), "seed": 1, "max_new_tokens": 9}
    messages = talk(screen, partner, iter(["be", "you"]), **how)  # type: ignore[arg-type]
    assert [one["content"] for one in messages] == ["be", "hello", "you", "hello you"]
    assert screen.file.getvalue() == "hello …\nhello you\n"  # type: ignore[attr-defined]


def test_in_a_terminal_ctrl_c_takes_a_line_back_and_ctrl_d_ends(monkeypatch: pytest.MonkeyPatch):
    said_so = iter(["hello ", KeyboardInterrupt, "", "you", EOFError])

    def typed(prompt: str) -> str:
        assert prompt == "> "
        word = next(said_so)
        if isinstance(word, str):
            return word
        raise word

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    screen = Screen(file=io.StringIO(), width=100)
    assert list(said(screen)) == ["hello", "you"]


def test_what_is_exported_can_be_talked_to(
    pellucid: Command, model: Path, speaking: Callable[[str], None], tmp_path: Path
):
    transformers = pytest.importorskip("transformers")
    assert pellucid("export", model, tmp_path / "hf").code == 0
    assert pellucid("export", model, tmp_path / "x.gguf", "--format", "gguf").code == 0
    for place in (tmp_path / "hf", tmp_path / "x.gguf"):
        speaking("hello\n")
        ended = pellucid("chat", "--model", place, "--greedy")
        assert ended.out == "> hello\nhello you\n", ended.err
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    messages = [{"role": "user", "content": "hello"}]
    _, own = open_model(str(tmp_path / "hf"))
    wanted = theirs.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert TEMPLATE.encode(own, messages) == wanted
    assert flatten(open_model(str(model))[0].params).keys()


def test_what_is_trained_further_is_talked_to_as_before(
    pellucid: Command, model: Path, text: Path, speaking: Callable[[str], None], tmp_path: Path
):
    how = ("--max-iters", 2, "--eval-interval", 1, "--num-samples", 0, "--block-size", 16)
    for lora in ((), ("--lora", 1)):
        run = ("--out", tmp_path / "run", "--overwrite", "--batch-size", 1, *lora)
        ended = pellucid("train", text, "--model", model, *run, *how)
        assert (ended.code, ended.err) == (0, "")
        kept = read_chat_template(tmp_path / "run")
        assert kept == read_chat_template(model)
        assert kept is not None
        assert kept.source == CHATML
        speaking("hello\n")
        ended = pellucid("chat", "--model", tmp_path / "run", "--max-new-tokens", 3)
        assert ended.code == 0, ended.err
    ended = pellucid("train", text, "--out", tmp_path / "run", "--overwrite", *how)
    assert ended.code == 0, ended.err
    assert read_chat_template(tmp_path / "run") is None


def test_a_text_ends_where_an_answer_would(tmp_path: Path, pieces: Tokenizer, pellucid: Command):
    """`generate` too stops at the token that the template ends a turn with."""
    save(parrot(pieces, "hello you"), tmp_path)
    pieces.save(tmp_path)
    words = ("generate", "--model", tmp_path, "--prompt", "\n", "--greedy", "--max-new-tokens", 40)
    assert len(pellucid(*words).out) > 40, "the parrot goes on and on"
    write_chat_template(TEMPLATE, tmp_path)
    assert pellucid(*words).out == "hello you\n"
