"""`pellucid get`: fetch a trained model, once."""

from typing import Annotated

from typer import Argument

from pellucid.cli.models import known_name, print_model, print_whole


def get(
    name: Annotated[
        str | None,
        Argument(metavar="[NAME]", help="The model; without one, those that can be fetched."),
    ] = None,
) -> None:
    """Fetch a trained model and keep it, for use without a network.

    Any command does so by itself where such a model is named by --model. It is kept in the user's
    cache, or where the variable PELLUCID_CACHE says. What comes along with Pellucid needs no
    fetching.
    """
    from pellucid.shipped import FETCHED, fetch, is_fetched, shelf_model

    if name is None:
        for known in FETCHED:
            print_model(shelf_model(known))
        print_whole("All models that have names here: pellucid models")
        return
    known_name(name)
    before = name not in FETCHED or is_fetched(name)
    if name in FETCHED:
        fetch(name)
    one = shelf_model(name)
    come = "comes along" if name not in FETCHED else "here already" if before else "fetched"
    print_whole(f"{name}: {one.described.use}, {one.size:,} bytes, {come}: {one.path}")
