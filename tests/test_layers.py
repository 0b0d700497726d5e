"""The import arrows: a room knows only the floors below it, and a package has one importer."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "voicechat"
FLOORS = (
    ("clock", "events", "config", "errors", "spelling"),
    ("audio", "turns", "engine.base", "engine.scripted"),
    ("engine", "conversation", "recording", "voices", "ui.view", "ui.render"),
    ("audio.devices", "recording.writer", "ui", "conversation.session"),
    ("evaluation", "training"),
    ("cli",),
)
ONLY_IN = {
    "sounddevice": ("audio.devices",),
    "webrtcvad": ("turns.detector",),
    "rich": ("ui", "cli"),
    "torch": ("engine", "evaluation", "training", "cli"),
    "transformers": ("engine", "evaluation", "training"),
}
NEVER = {
    "conversation": ("torch", "sounddevice", "threading", "time"),
    "turns": ("torch", "threading", "time"),
    "engine.base": ("torch", "transformers"),
    "engine.scripted": ("torch", "transformers"),
}
FILES = sorted(ROOT.rglob("*.py"))


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def floor(name: str) -> int | None:
    """The floor whose longest room name fits; packages' own `__init__` stand on none."""
    fits = [(len(r), n) for n, rooms in enumerate(FLOORS) for r in rooms if within(name, (r,))]
    return max(fits)[1] if fits else None


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", FILES, ids=module)
def test_a_room_imports_only_the_floors_below_it(path: Path) -> None:
    own = floor(module(path))
    ours = {name.removeprefix("voicechat.") for name in imports(path) if "voicechat." in name}
    above = {n for n in ours if own is not None and (floor(n) or 0) > own}
    assert not above, f"{module(path)} looks up at {sorted(above)}"


@pytest.mark.parametrize("path", FILES, ids=module)
def test_a_package_has_only_its_importers(path: Path) -> None:
    name, roots = module(path), {found.split(".")[0] for found in imports(path)}
    for package, rooms in ONLY_IN.items():
        assert package not in roots or within(name, rooms), f"{name} imports {package}"
    for room, packages in NEVER.items():
        if within(name, (room,)) and name != "conversation.session":
            assert not roots & set(packages), f"{name} imports {sorted(roots & set(packages))}"


def test_importing_the_command_line_loads_neither_torch_nor_sounddevice() -> None:
    check = "import sys, voicechat.cli as c; c.parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert not {"torch", "transformers", "sounddevice"} & set(loaded.stdout.split())
