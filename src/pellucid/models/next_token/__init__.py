"""The next token from a fixed window."""
