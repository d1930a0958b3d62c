"""Tokens and targets that are not the pack's, in words."""

from torch import Tensor

from pellucid.reference import Pack


def differing(name: str, own: Tensor, pack: Pack) -> list[str]:
    """What is to be said of the other program's `tokens` or `targets`; nothing where they agree."""
    theirs = pack.tokens if name == "tokens" else pack.targets
    if bool((own == theirs).all()):
        return []
    place = tuple(int(i) for i in (own != theirs).nonzero()[0])
    said = f"{name} are not the pack's: at {list(place)} yours has {int(own[place])}, the pack "
    said += f"{int(theirs[place])}"
    if name == "targets" and bool((own == pack.tokens).all()):
        said += "; they are the tokens themselves, not shifted by one"
    return [said]
