"""`pellucid get`: fetch a trained model, once."""

from typing import Annotated

from typer import Argument

from pellucid.cli.screen import console
from pellucid.errors import ConfigError, did_you_mean


def get(
    name: Annotated[str, Argument(metavar="NAME", help="The model, such as smollm2-135m.")],
) -> None:
    """Fetch a trained model and keep it, for use without a network.

    Any command does so by itself where such a model is named by --model. It is kept in the user's
    cache, or where the variable PELLUCID_CACHE says.
    """
    from pellucid.shipped import FETCHED, fetch, is_fetched

    if name not in FETCHED:
        raise ConfigError(
            f"a model that is fetched is {' or '.join(FETCHED)}, and {name!r} is none of them"
            f"{did_you_mean(name, FETCHED)}: pellucid get {next(iter(FETCHED))}"
        )
    before = is_fetched(name)
    place = fetch(name)
    console().print(
        f"{name}: {FETCHED[name].about}, {FETCHED[name].size:,} bytes, "
        f"{'here already' if before else 'fetched'}: {place}",
        markup=False,
        soft_wrap=True,
    )
