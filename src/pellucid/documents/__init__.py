"""A walkthrough as a neutral document: what every format shows, decided once.

`document(lesson)` says which values are shown whole and which are the same as one before, how each
number is written, tinted and labelled, which step undoes which, and what every value was made from.
A writer takes a `Document` and returns a file's content, text or bytes, and knows nothing of tapes:

>>> from pellucid.examples import find_example
>>> from pellucid.documents.build import document
>>> made = document(find_example("softmax").walkthrough())
>>> outputs = next(made.values)
>>> outputs.name, outputs.shape, [cell.text for cell in outputs.tables[0].cells[0]]
('outputs', (2, 2), ['5', '1'])

A formula is plain text, as a step of a walkthrough gives it. A blank of a worksheet is a cell with
a `blank`, its number in the answer key: a writer shows that number instead of the text, and
`Document.answers` at the end.
"""
