"""Reports: they read a trace, and never run a layer.

`text` prints a walk, `explain` the arithmetic of a number, `tokens` a text's tokens, `draws` a text
as a model writes it, `progress` a training; `steps` is the walk as data, `numbers` and `tables`
make its figures. Each is imported by its own name, so that showing tokens does not wait for
PyTorch.
"""
