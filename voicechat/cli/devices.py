"""`python main.py devices`: what there is to listen with and to speak through."""

from __future__ import annotations

import argparse

HELP = "list the devices that --input and --output take"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace) -> int:
    """Prints a line a device."""
    from rich.console import Console
    from rich.table import Table

    from voicechat.audio.devices import list_devices
    from voicechat.errors import UserError

    devices = list_devices()
    if not devices:
        raise UserError("there is no sound device: connect one; without, `talk` holds a sample")
    table = Table("number", "name", "system", "in", "out", "Hz", "default for", box=None)
    for device in devices:
        table.add_row(
            str(device.number),
            device.name,
            device.host,
            str(device.inputs or "-"),
            str(device.outputs or "-"),
            str(device.rate),
            " and ".join(device.default_for),
        )
    Console().print(table)
    return 0
