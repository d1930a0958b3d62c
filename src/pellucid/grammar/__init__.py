"""German and English side by side: correct everyday sentences by a grammar, with translations.

`sentences` draws them by weighted rules, and `pairs` adds the phrasebook: what the translator that
comes along was trained on. The words are tables in data/, read by `lexicon`; `german`,
`conjugation` and `english` make their forms, `phrases` and `meaning` say what is meant before it is
either language, `german_clause` and `english_clause` put it in order, and the rules draw it.
"""

from pellucid.grammar.mixed import pairs
from pellucid.grammar.sentences import GrammarSentence, rules, sentences

__all__ = ["GrammarSentence", "pairs", "rules", "sentences"]
