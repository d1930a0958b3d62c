"""How the layers' code is linked to the theorems: what it computes, written out for Rocq.

- `exact.py`, `terms.py`: numbers and terms as Rocq has them
- `code.py`: a run of a layer's functions, and what they show and hand back
- `writing.py`: from a run to a theorem
- `fixed.py`: tokens, masks and places, which are numbers
- `same.v`: how Rocq sees that two ways to write a number are the same
- `files.py`: the files, and what Rocq has against them
- `layers/`: a module for each file of theorems, under its name
"""
