"""What a certificate can be told, and how a name is said."""


class Bad(Exception):
    """It cannot be read: exit code 2."""


class Wrong(Exception):
    """Something that it states does not hold, or cannot be shown."""


class Missing(Wrong):
    """A value that an equation reads is not there."""


class Unseen(Exception):
    """A tensor of which the certificate, or the file, has no numbers."""


def joined(path, name):
    return f"{path}.{name}" if path else name


def title(call):
    return f"{call['function']} at {call['path'] or 'the top'}"


def place(i, shape):
    """The index of the number that is the i-th in C order."""
    index = []
    for n in reversed(shape):
        index.append(i % n)
        i //= n
    return str(index[::-1]) if index else ""


def say(text, **options):
    """Print a line; what a terminal would obey, or what would begin another line, is escaped."""
    print("".join(x if x.isprintable() else ascii(x)[1:-1] for x in text), flush=True, **options)
