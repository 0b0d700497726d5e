"""The shell: a thread for the engine, and talks that last."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from stage import LONG_REPLY, core, mic

from voicechat.conversation.session import EngineThread, Session
from voicechat.engine.scripted import ScriptedEngine
from voicechat.errors import UserError
from voicechat.events import Cancel, Feed, Reply, ReplyChunk, ReplyFailed, Truncate
from voicechat.recording.replay import ClockedDevices, ClockedEngine, frames

FRAME = np.zeros(320, dtype=np.int16)


class Waiting(ScriptedEngine):
    """Makes a chunk each time that it is let to."""

    def __init__(self) -> None:
        super().__init__([LONG_REPLY])
        self.go = threading.Semaphore(0)
        self.closed = threading.Event()

    def reply(self, turn: int, certain: bool = True) -> Iterator[ReplyChunk]:
        try:
            for chunk in super().reply(turn, certain):
                self.go.acquire()
                yield chunk
        finally:
            self.closed.set()


def collected(worker: EngineThread, count: int) -> list[ReplyChunk | ReplyFailed]:
    found: list[ReplyChunk | ReplyFailed] = []
    until = time.monotonic() + 10
    while len(found) < count and time.monotonic() < until:
        found += worker.collect(0)
        time.sleep(0.001)
    return found


def test_chunks_arrive_as_they_are_made() -> None:
    engine = Waiting()
    worker = EngineThread(engine)
    worker.submit(Feed(1, FRAME))
    worker.submit(Reply(1))
    engine.go.release(2)
    assert [chunk.turn for chunk in collected(worker, 2)] == [1, 1]
    engine.go.release(100)
    worker.close()
    assert engine.closed.is_set()


def test_nothing_of_a_cancelled_reply_arrives_and_the_next_one_does() -> None:
    engine = Waiting()
    worker = EngineThread(engine)
    worker.submit(Feed(1, FRAME))
    worker.submit(Reply(1, certain=False))
    engine.go.release()
    collected(worker, 1)
    worker.submit(Cancel(1))
    engine.go.release()  # the step that was under way ends
    assert engine.closed.wait(10)
    worker.submit(Feed(1, FRAME))
    worker.submit(Reply(1))
    engine.go.release(1)
    (first,) = collected(worker, 1)
    assert first.from_code == 0  # of the new reply, from its beginning
    engine.go.release(100)
    worker.close()


def test_a_reply_cancelled_before_its_turn_came_is_never_begun() -> None:
    engine = Waiting()
    worker = EngineThread(engine)
    worker.submit(Feed(1, FRAME))
    worker.submit(Reply(1))
    engine.go.release()
    collected(worker, 1)
    worker.submit(Cancel(1))
    worker.submit(Reply(2))
    worker.submit(Cancel(2))  # the engine is still in its step: this one never begins
    engine.go.release(100)
    worker.close()
    assert 2 not in engine.history


@pytest.mark.parametrize(
    ("fault", "message"),
    [(ValueError("odd"), "ValueError: odd"), (UserError("too long"), "too long")],
)
def test_a_failure_is_a_message_and_the_thread_lives(fault: Exception, message: str) -> None:
    class Failing(ScriptedEngine):
        def truncate(self, turn: int, heard: object) -> None:
            raise fault

    worker = EngineThread(Failing(["so."]))
    worker.submit(Truncate(1, None))
    assert collected(worker, 1) == [ReplyFailed(1, message)]
    worker.submit(Feed(2, FRAME))
    worker.submit(Reply(2))
    assert collected(worker, 1)[0].turn == 2
    worker.close()


@pytest.mark.parametrize(
    "minutes", [5, pytest.param(60, marks=pytest.mark.slow)], ids=["5 minutes", "an hour"]
)
def test_a_long_talk_needs_no_more_memory_than_a_short_one(minutes: int) -> None:
    """A question, a back-channel and an interruption every 15 s."""
    scene = mic(0.5, 1.5, 1.7, 0.4, 2.0, 2.0, 6.9)
    blocks: list[int] = []

    def say() -> Iterator[np.ndarray]:
        for n in range(minutes * 4):
            yield from frames(scene)
            if n >= 4:  # a minute in, all that is kept is kept
                blocks.append(sys.getallocatedblocks())

    engine = _Forgetful([LONG_REPLY, "yes."])
    devices = ClockedDevices(say())
    devices.heard = _Nothing()
    Session(core(), ClockedEngine(engine), devices).run()
    # A leak of one object a tick would be 750 a scene; caches elsewhere come and go.
    assert (max(blocks) - blocks[0]) / len(blocks) < 75


class _Forgetful(ScriptedEngine):
    """Keeps nothing of the turns before the last one."""

    def _add(self, turn: int, part: np.ndarray | str) -> None:
        super()._add(turn, part)
        for old in [old for old in self.turns if old < turn - 1]:
            self.discard(old)
        self.turns[turn] = []


class _Nothing(list):
    """A list that keeps nothing."""

    def append(self, item: object) -> None:
        pass
