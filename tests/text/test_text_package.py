import subprocess
import sys

import pytest

import pellucid.text
from pellucid.text import Characters, Tokenizer, Words, gpt2


def loaded_after(code: str) -> set[str]:
    """Which of torch and tokenizers a fresh Python has imported after `code`."""
    report = "import sys; print(*({'torch', 'tokenizers'} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_import_is_light():
    assert loaded_after("from pellucid.text import *; Words(('a',)).encode('a')") == set()
    assert loaded_after("from pellucid.text import gpt2; gpt2()") == {"tokenizers"}


def test_exported_names_exist_and_are_documented():
    assert pellucid.text.__all__ == sorted(
        pellucid.text.__all__, key=lambda n: (not n.isupper(), n)
    )
    for name in pellucid.text.__all__:
        assert getattr(pellucid.text, name).__doc__, name


@pytest.mark.parametrize("tokenizer", [Characters("ab"), Words(("a", "b")), gpt2()])
def test_the_protocol(tokenizer: Tokenizer):
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""
    ids = tokenizer.encode("a")
    assert tokenizer.decode(iter(ids)) == "a"
    assert b"".join(map(tokenizer.piece, ids)) == b"a"
