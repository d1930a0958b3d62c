"""From text to token ids and back: by character, by word, or by GPT-2's byte-level BPE.

>>> words = Words(("AI", "rocks", "<EOS>"), special=True)
>>> words.encode("AI rocks <EOS>")
[0, 1, 2]
>>> gpt2().encode("Hello world")
[15496, 995]

`tokenizer` says what every tokenizer answers; `characters`, `words` and `bpe` are the three of
them, simplest first; `merges` shows how BPE works; `stream` decodes while a model still writes;
`load` reads tokenizers from files; `chat_template` makes a conversation one text.
"""

from pellucid.text.bpe import BPE, END_OF_TEXT, gpt2, train_bpe
from pellucid.text.characters import Characters
from pellucid.text.chat_template import ChatTemplate, Message
from pellucid.text.choose import beginning, choose_tokenizer, ending
from pellucid.text.load import has_tokenizer, load_tokenizer
from pellucid.text.merges import MergeStep, Merging
from pellucid.text.stream import StreamDecoder, stream
from pellucid.text.tokenizer import Tokenizer, readable_piece
from pellucid.text.words import Words

__all__ = [
    "BPE",
    "END_OF_TEXT",
    "Characters",
    "ChatTemplate",
    "MergeStep",
    "Merging",
    "Message",
    "StreamDecoder",
    "Tokenizer",
    "Words",
    "beginning",
    "choose_tokenizer",
    "ending",
    "gpt2",
    "has_tokenizer",
    "load_tokenizer",
    "readable_piece",
    "stream",
    "train_bpe",
]
