"""What the page asks: a file a group of questions, each of a run, answered in JSON."""
