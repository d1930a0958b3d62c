"""German and English text that Debian's packages carry, side by side: fetched, read, cleaned.

`sources.toml` lists the sources. `archives` fetches packages and opens them, `readers` finds the
two languages in them, `cleaning` says what is kept, `nearness` keeps held-out sentences out, and
`likeness` says which pairs are nearest to a text. `scripts/collect_pairs.py` is the program.
"""
