"""How signs are spelt where an encoding lacks them."""

import io
import sys

import pytest

from pellucid.terminal.readable import ERRORS, make_readable, spelt
from pellucid.walkthrough import names


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("∂L/∂x̂ = Σ_t dout · γ", "dL/dxhat = sum_t dout * gamma"),
        ("√d, √(σ² + ε)", "sqrt d, sqrt (sigma^2 + epsilon)"),
        ("β₁ᵗ ≥ 2⁶³, x₋₁", "beta1^t >= 2^63, x-1"),
        ("Δ, Ω and μ", "Delta, Omega and mu"),
        ("4×8 → ±½ … −∞", "4x8 -> +-1/2 ... -inf"),
        ("╭─┬╮│ ░▒▓█ ━╸", "+-++| .:+# --"),
        ("‹EOS› “a” ‘b’", "<EOS> \"a\" 'b'"),
        ("漢 é 😀 λόγος", r"\u6f22 \xe9 \U0001f600 \u03bb\u03cc\u03b3\u03bf\u03c2"),
        ("plain, 100 % [a]", "plain, 100 % [a]"),
        ("\udcff", r"\udcff"),
        ("\ufffd", "?"),
    ],
)
def test_signs_are_spelt(text: str, ascii_text: str):
    assert spelt(text) == ascii_text


def test_every_symbol_of_the_table_of_names_has_a_spelling():
    for row in names():
        written = spelt(row.symbol)
        assert written.isascii()
        assert "\\" not in written, row.symbol


def test_only_what_an_encoding_lacks_is_replaced():
    assert "é × π²".encode("cp1252", ERRORS) == b"\xe9 \xd7 pi\xb2"
    assert "a→漢…b".encode("latin-1", ERRORS) == rb"a->\u6f22...b"
    assert "é 漢".encode("utf-8", ERRORS) == "é 漢".encode()
    assert "a\udc80b".encode("utf-8", ERRORS) == rb"a\udc80b"


def test_what_cannot_be_read_is_still_an_error():
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", ERRORS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        *(("strict", ERRORS), ("surrogateescape", ERRORS), ("backslashreplace", ERRORS)),
        *(("replace", "replace"), ("xmlcharrefreplace", "xmlcharrefreplace")),
    ],
)
def test_both_streams_are_made_readable_and_a_user_s_own_way_is_kept(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str
):
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=before)
        monkeypatch.setattr(sys, name, stream)
    make_readable()
    assert (sys.stdout.errors, sys.stderr.errors) == (after, after)


def test_a_stream_of_another_kind_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    make_readable()
    assert isinstance(sys.stdout, io.StringIO)
