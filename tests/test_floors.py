"""Imports only point down: the house plan, enforced."""

import ast
from pathlib import Path

SRC = Path(__file__).parent.parent / "src" / "optiscope"
# Lowest first. The house plan's floor 0 is errors, syntax, streams and spec; its floor 3 engine to study.
FLOORS = [
    {"errors"},
    {"checks", "datasets", "identity", "signatures", "syntax", "streams"},
    {"groups", "schedule_spec", "seeding", "task"},
    {"runs"},
    {"spec", "__init__"},
    {"catalogues", "record", "provenance"},
    {"naming", "store", "metrics", "timings"},
    {"audit", "engine", "render"},
    {"grouping", "tuning", "zoo"},
    {"measure"},
    {"baselines", "study_file"},
    {"study"},
    {"racing"},
    {"report"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# Problem.from_module: the noun makes itself out of a network, and the losses that this needs are a catalogue.
# A run and a schedule say of which types their parts are, and import them for no more than that.
UPWARD = {("spec", "catalogues"), ("runs", "spec"), ("schedule_spec", "spec")}
FORBIDDEN = {"render": {"torch", "pyarrow"}, "metrics": {"torch", "matplotlib"}, "report": {"torch"}}


def imports(path: Path):
    """(room or package, is ours) for each import of a file."""
    here = path.relative_to(SRC).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level]
            target = [*base, *(node.module or "").split(".")] if node.module else list(base)
            names = [target[0]] if target else [alias.name for alias in node.names]
            yield from ((name, True) for name in names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0], False
        elif isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], False) for alias in node.names)


def test_imports_point_down():
    wrong = []
    for path in sorted(SRC.rglob("*.py")):
        room = path.relative_to(SRC).with_suffix("").parts[0]
        if path.name == "__init__.py" and path.parent == SRC:
            continue  # the front door names every room, lazily
        for target, ours in imports(path):
            if ours and target != room and target in FLOOR:
                if FLOOR[target] >= FLOOR[room] and (room, target) not in UPWARD:
                    wrong.append(f"{path.relative_to(SRC)} imports {target}")
            elif not ours and target in FORBIDDEN.get(room, ()):
                wrong.append(f"{path.relative_to(SRC)} imports {target}")
    assert wrong == []


def test_every_room_has_a_floor():
    rooms = {path.stem for path in SRC.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms == set(FLOOR)


def test_a_file_is_small_enough_to_hold_in_the_head():
    long = {str(p.relative_to(SRC)): n for p in SRC.rglob("*.py") if (n := len(p.read_text().splitlines())) > 350}
    assert long == {}
