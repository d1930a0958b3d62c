"""Reports: they read a trace, and never run a layer.

`document` is a walk as neutral data; `text` prints it, and `formats` lists who writes it to a file.
`explain` prints the arithmetic of a number, `tokens` a text's tokens, `draws` a text as a model
writes it, `progress` a training; `numbers` and `tables` make figures. Each is imported by its own
name, so that showing tokens does not wait for PyTorch.
"""
