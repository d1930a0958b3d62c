"""The page in a notebook: its files as one module, and its calls as a widget's messages."""
