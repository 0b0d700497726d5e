"""The README names what is there: every file of the house, every command, every flag of a talk."""

import argparse
import re
from pathlib import Path

import pytest

from voicechat.cli import COMMANDS
from voicechat.cli.talk import add_arguments

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TREE = README[README.index("## The house") :]


def files_named() -> set[str]:
    """The paths of the tree's `.py` files, below `voicechat/`."""
    found, room = set(), ""
    for line in TREE.splitlines():
        if match := re.match(r"( +)([\w/]+\.py|[\w/]+/)( |$)", line):
            indent, name, _ = match.groups()
            if name.endswith("/"):
                room = name
            else:
                found.add(name if len(indent) == 2 else room + name)
    return found


def test_the_tree_has_a_line_for_each_file_and_none_for_what_is_not_there() -> None:
    files = {path.relative_to(ROOT / "voicechat") for path in (ROOT / "voicechat").rglob("*.py")}
    there = {path.as_posix() for path in files if path.name != "__init__.py"}
    assert files_named() ^ there == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_named(command: str) -> None:
    assert command == "talk" or f"main.py {command}" in README


def test_the_flags_of_a_talk_are_those_in_the_table() -> None:
    table = README[README.index("| flag of a talk") :].split("\n\n")[0]
    named = {flag for row in table.splitlines() for flag in re.findall("`(--[a-z-]+)", row)}
    talk = argparse.ArgumentParser(add_help=False)
    add_arguments(talk)
    there = {option for action in talk._actions for option in action.option_strings}
    assert named ^ there == set()
