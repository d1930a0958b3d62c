"""GPT: configuration, wiring, and the names that others have for its tensors."""
