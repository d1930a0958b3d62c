"""What all tests share: the folder of real data, the kernels of the machine, a browser."""

import gc
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pellucid import native

# So that a check in a helper module says what it compared, as one in a test does.
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in Path(__file__).parent.iterdir()))

EVERY = "--every-case"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """A million objects stand for all tests: what is collected stays, and is no garbage.

    To look for some among it again and again takes a fifth of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _own_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands keep of a user is kept for the tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PELLUCID_DATA", str(tmp_path_factory.mktemp("data")))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Sweeps over hundreds of cases are thinned out unless all are asked for."""
    parser.addoption(EVERY, action="store_true", help="run every case of tests marked `thinned`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long tests first; of a test marked `thinned(n)`, the first of every n cases.

    Of one marked `thinned`, as many as give every parameter each of its values.
    """
    items.sort(key=lambda item: LONG.index(room) if (room := _room(item)) in LONG else len(LONG))
    if config.getoption(EVERY):
        return
    swept: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("thinned"):
            swept[item.nodeid.partition("[")[0]].append(item)
    left_out = [item for cases in swept.values() for item in _left_out(cases)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(map(id, left_out))
        items[:] = [item for item in items if id(item) not in gone]


def _left_out(cases: list[Any]) -> list[Any]:
    """The cases of a thinned test that do not run."""
    every = cases[0].get_closest_marker("thinned").args
    if every:
        return [case for place, case in enumerate(cases) if place % every[0]]
    # All combinations have the very values that were listed.
    given = [{(name, id(one)) for name, one in case.callspec.params.items()} for case in cases]
    met: set[tuple[str, int]] = set()
    runs: set[int] = set()
    for least in range(len(given[0]), 0, -1):  # those first that have nothing in common
        for place, values in enumerate(given):
            if len(values - met) >= least:
                runs.add(place)
                met |= values
    return [case for place, case in enumerate(cases) if place not in runs]


@pytest.fixture
def thin(pytestconfig: pytest.Config) -> Callable[[Iterable[Any], int], list[Any]]:
    """Of what a test loops over, every n-th; all with --every-case."""
    every = pytestconfig.getoption(EVERY)
    return lambda cases, n: list(cases)[:: 1 if every else n]


LONG = ("compare", "web", "train", "cli", "distribute", "port", "handouts", "prove", "documents")
"""Where tests take seconds each: they begin first, so that no worker waits for another's last."""


def _room(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


UNUSED = (
    # What Playwright turns off itself: the last list that is given is the one that counts.
    *("AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades"),
    *("LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints"),
    *("PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning"),
    # A page of suggestions for the address bar of every window: a fifth of what a test costs.
    *("AimEnabled", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
)
"""Features of Chromium that no page of ours needs."""

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first has no windows of its own to keep up, which takes time with each page."""

CHROMIUM = [
    f"--disable-features={','.join(UNUSED)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Debian's Chromium without a window, asking for nothing of its own."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository; without it the test is skipped."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of shared data is not beside the repository")
    return folder


@pytest.fixture(autouse=True)
def _native_library_anew() -> Iterator[None]:
    """Whatever kernels a test chose, the next one begins with those of the machine."""
    yield
    native.library.cache_clear()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser; where there is none the test is skipped and says so."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("there is no chromium here: `make test` as root, or install it")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=found, args=CHROMIUM)
        yield started
        started.close()
