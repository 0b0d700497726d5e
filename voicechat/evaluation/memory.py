"""How much memory something took at its peak."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Inside, watches the peak: of the GPU's memory on CUDA, else of this process.

    Attributes:
        bytes: the peak, once it is over. Where the system cannot forget an earlier peak (all but
            Linux), it is that of the process so far; where it cannot tell, 0.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self.bytes = device, 0

    def __enter__(self) -> PeakMemory:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        elif _RESET.exists():
            _RESET.write_text("5")  # see proc(5): resets VmHWM
        return self

    def __exit__(self, *fault: object) -> None:
        if self._device.type == "cuda":
            self.bytes = torch.cuda.max_memory_allocated(self._device)
        else:
            self.bytes = _process_peak()


def _process_peak() -> int:
    if _STATUS.exists():
        fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return 1024 * int(fields["VmHWM"].split()[0])
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes there, kB elsewhere
    return 0
