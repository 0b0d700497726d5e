"""What tests of several stages share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from voicechat.training.loop import Trainer


@pytest.fixture
def kill_at_eleven(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Runs a stage until its twelfth step begins, and no further."""
    take_step = Trainer._train_step

    def die(self: Trainer, step_fn, drawn) -> None:
        if self.step == 11:
            raise KeyboardInterrupt
        take_step(self, step_fn, drawn)

    def run(stage: Callable[[], object]) -> None:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Trainer, "_train_step", die)
            stage()

    return run
