import pytest
from render_frames import NAMES, Scene, descent, frames_of, landscape_of


@pytest.fixture(scope="session")
def scene():
    """Seven competitors that all stay on the map."""
    paths = {name: descent(0.0004 * 1.5**i, 0.1 * i) for i, name in enumerate(NAMES)}
    return Scene(landscape_of(), *frames_of(paths))


@pytest.fixture(scope="session")
def astray():
    """Two that diverge and one that does not."""
    return Scene(
        landscape_of(),
        *frames_of({"SGD": descent(0.1), "Adam": descent(0.003), "RMSprop": descent(0.02, 0.9)}),
    )
