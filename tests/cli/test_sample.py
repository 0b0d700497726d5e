"""The sample talk: every recorded question is asked in its time, and both parties are kept."""

from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicechat.audio.echo import Headset
from voicechat.cli.sample import SampleTalk
from voicechat.config import Config
from voicechat.conversation.core import Core
from voicechat.conversation.session import Session
from voicechat.engine.scripted import ScriptedEngine
from voicechat.events import Event, EventKind
from voicechat.recording.replay import ClockedEngine
from voicechat.turns.detector import make_detector
from voicechat.ui.plain import Transcript
from voicechat.ui.view import USER, View, see

LONG = "These are quite a few words, so that there is enough of them to talk over."


@pytest.fixture(scope="module")
def talk() -> tuple[SampleTalk, list[Event]]:
    devices, events = SampleTalk(wait=lambda seconds: None), []
    core = Core(Config(), make_detector(Config().turns), Headset())
    show = devices.watched(lambda meter, new: events.extend(new))
    Session(core, ClockedEngine(ScriptedEngine([LONG])), devices, show).run()
    return devices, events


def turns(events: list[Event], kind: EventKind) -> list[int]:
    return [event.turn for event in events if event.event == kind]


def test_five_questions_are_answered_and_one_interrupts(talk: tuple) -> None:
    _, events = talk
    assert (
        turns(events, EventKind.TURN_END) == turns(events, EventKind.REPLY_START) == [*range(1, 6)]
    )
    assert turns(events, EventKind.CUT) == [3]
    assert turns(events, EventKind.REPLY_END) == [1, 2, 4, 5]


def test_the_file_holds_both_parties_in_their_time(talk: tuple, tmp_path: Path) -> None:
    devices, events = talk
    devices.write(tmp_path / "reply.wav")
    sound, rate = soundfile.read(tmp_path / "reply.wav")
    assert (rate, sound.shape[1]) == (24_000, 2)
    start, end = (
        next(e.n for e in events if e.event == kind) * 480
        for kind in (EventKind.REPLY_START, EventKind.REPLY_END)
    )
    asked, answered = np.abs(sound[:start]).max(axis=0), np.abs(sound[start:end]).max(axis=0)
    assert asked[0] > 0.1 and asked[1] == 0
    assert answered[0] < 0.01 and answered[1] > 0.05


def test_the_screen_and_the_plain_lines_tell_all_of_it(talk: tuple) -> None:
    says = reduce(see, talk[1], View(voice="Wren")).says
    assert [say.who for say in says] == [USER, "Wren"] * 5
    assert [say.cut for say in says if say.who != USER] == [False, False, True, False, False]
    assert all(say.latency and say.text == LONG for say in says if say.who != USER)
    transcript = Transcript("Wren")
    lines = [line for event in talk[1] for line in transcript.add(event)]
    assert sum(LONG in line for line in lines) == 5
