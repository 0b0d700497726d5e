"""The conversation as a deterministic fold over ticks: nothing else moves it.

Tick ─▶ echo ─▶ detector ─▶ taker ─▶ floor ─▶ playback ─▶ Actions, Events
"""

from __future__ import annotations

from voicechat.clock import MIC_RATE, TICKS_PER_S
from voicechat.config import Config
from voicechat.conversation.barge_in import BargeIn
from voicechat.conversation.delivery import Delivery
from voicechat.conversation.ear import Detector, Ear, Echo
from voicechat.conversation.floor import REPLYING, TRANSITIONS, Cue, Floor
from voicechat.conversation.outbox import Outbox
from voicechat.events import (
    Discard,
    EventKind,
    Feed,
    Key,
    Leave,
    Meter,
    ReplyChunk,
    ReplyFailed,
    Step,
    Tick,
    Truncate,
    Type,
    Typed,
)
from voicechat.turns.taker import (
    Discarded,
    Resumed,
    SoftEnd,
    Speech,
    SpeechStart,
    TakerEvent,
    TurnEnd,
)

HEARD_TICKS = TICKS_PER_S // 5
TWICE_TICKS = 2 * TICKS_PER_S  # Ctrl-C twice within two seconds leaves


class Core:
    """The pure middle of the program.

    Args:
        config: its settings; `audio.echo` is no longer `auto`.
        detector: tells how likely a frame is speech.
        echo: takes the assistant's voice out of the microphone.
    """

    def __init__(self, config: Config, detector: Detector, echo: Echo) -> None:
        self._ear = Ear(config, detector, echo)
        self._taker = self._ear.taker
        self._barge_in = BargeIn(config.barge_in, open_speakers=config.audio.echo == "gate")
        self._out = Outbox()
        self._delivery = Delivery(config, self._out)
        self._floor = Floor.LISTENING
        self._turn, self._open = 0, False  # the user's latest turn, and whether it goes on
        # What the user did while we had the floor, and when.
        self._pending: list[tuple[int, TakerEvent | Typed]] = []
        self._last_voiced_n = 0
        self._interrupted_n = -TWICE_TICKS
        self._heard_chars = 0

    def advance(self, tick: Tick) -> Step:
        """Takes what happened in one tick."""
        self._n = tick.n
        self._out.open(tick.n)
        self._book(tick)
        self._take(tick.chunks)
        for key in tick.keys:
            self._press(key)
        self._listen(tick)
        self._speak()
        return self._out.close(self._ear.frame)

    def meter(self) -> Meter:
        """What the screen shows of this moment; where the voice is, five times a second."""
        if self._floor not in REPLYING:
            self._heard_chars = 0
        elif self._n % HEARD_TICKS == 0:
            self._heard_chars = len(self._delivery.heard.text)
        return Meter(
            n=self._n,
            level_db=self._ear.level_db,
            speech=self._ear.speech,
            heard=self._heard_chars,
            muted=self._ear.muted,
        )

    # --- the speaker's, the engine's and the user's news -----------------------------------------

    def _book(self, tick: Tick) -> None:
        self._delivery.book(tick)
        if tick.xruns:
            self._out.tell(EventKind.XRUN, count=tick.xruns)
        if tick.device:
            self._out.tell(EventKind.DEVICE, message=tick.device)

    def _take(self, chunks: tuple[ReplyChunk | ReplyFailed, ...]) -> None:
        withdrawn = False
        for chunk in chunks:
            if isinstance(chunk, ReplyFailed):
                withdrawn |= self._fail(chunk)
            elif not withdrawn:
                self._delivery.take(chunk)

    def _fail(self, failed: ReplyFailed) -> bool:
        """Shows it and listens again; returns whether an answer is no longer wanted for it."""
        self._out.tell(EventKind.ERROR, failed.turn, message=failed.message)
        answer = self._delivery.answer
        if answer and answer.turn == failed.turn:
            return self._move(Cue.STOP)
        if self._open and failed.turn == self._turn:
            self._taker.reset()
            self._discard()
        return False

    def _press(self, key: Key | Typed) -> None:
        match key:
            case Typed():
                self._move(Cue.RESUMED) or self._move(Cue.TURN) or self._move(Cue.STOP)
                self._hear(self._n, key)
            case Key.ESCAPE:
                self._move(Cue.STOP)
            case Key.INTERRUPT if self._n - self._interrupted_n < TWICE_TICKS:
                self._out.act(Leave())
            case Key.INTERRUPT:
                self._interrupted_n = self._n
                self._move(Cue.STOP)
            case Key.SPACE:
                self._push()

    def _push(self) -> None:
        for event in self._ear.press():
            self._hear(self._n, event)
        if self._ear.pushed:
            self._move(Cue.TURN) or self._move(Cue.STOP)

    # --- the user --------------------------------------------------------------------------------

    def _listen(self, tick: Tick) -> None:
        replying = self._floor in REPLYING
        complete = self._delivery.answer.complete if self._floor is Floor.GUESSING else None
        for event in self._ear.listen(tick, replying, self._open, complete):
            self._hear(self._n, event)
        cue = self._barge_in.judge(self._floor, self._taker, self._ear.frame)
        if cue and (self._floor is not Floor.PAUSED or self._delivery.drained):
            self._move(cue)

    def _hear(self, n: int, event: TakerEvent | Typed) -> None:
        """Takes up what the user did; later, if the assistant has the floor."""
        if self._floor not in (Floor.LISTENING, Floor.GUESSING):
            return self._put_off(n, event)
        match event:
            case SpeechStart(pcm) | Resumed(pcm):
                self._move(Cue.RESUMED)
                self._turn += not self._open
                self._open = True
                from_s = (n + 1) / TICKS_PER_S - len(pcm) / MIC_RATE
                self._out.tell(EventKind.SPEECH_START, self._turn, from_s=round(from_s, 6))
                self._out.act(Feed(self._turn, pcm))
            case Speech(pcm):
                self._out.act(Feed(self._turn, pcm))
            case SoftEnd():
                self._last_voiced_n = self._n - self._taker.silent_ticks
                self._move(Cue.SOFT_END)
            case TurnEnd():
                self._end_turn()
            case Discarded():
                self._discard()
            case Typed(text):
                self._type(text)

    def _put_off(self, n: int, event: TakerEvent | Typed) -> None:
        if isinstance(event, Discarded):
            self._pending = [kept for kept in self._pending if isinstance(kept[1], Typed)]
        else:
            self._pending.append((n, event))

    def _type(self, text: str) -> None:
        self._move(Cue.RESUMED)
        self._turn += not self._open
        self._taker.reset()
        self._out.act(Type(self._turn, text))
        self._end_turn(text=text)

    def _end_turn(self, **detail: str) -> None:
        self._open = False
        if self._floor is Floor.LISTENING:  # no soft end went before
            self._last_voiced_n = self._n
        self._tell_end(EventKind.TURN_END, **detail)
        self._move(Cue.TURN_END)

    def _tell_end(self, kind: EventKind, **detail: str) -> None:
        last_voiced_s = self._last_voiced_n / TICKS_PER_S
        self._out.tell(kind, self._turn, last_voiced_s=last_voiced_s, **detail)

    def _discard(self) -> None:
        self._open = False
        self._out.tell(EventKind.DISCARD, self._turn)
        self._out.act(Discard(self._turn))

    def _forget_sound(self) -> None:
        """What the user did was nothing."""
        self._pending.clear()
        self._taker.reset()

    # --- the floor -------------------------------------------------------------------------------

    def _move(self, cue: Cue) -> bool:
        """Moves the floor if the cue means something now, and does what goes with it."""
        before = self._floor
        if (before, cue) not in TRANSITIONS:
            return False
        self._floor = TRANSITIONS[before, cue]
        self._enact(before, cue)
        if self._floor is Floor.LISTENING and cue is not Cue.RESUMED:
            self._catch_up()
        return True

    def _enact(self, before: Floor, cue: Cue) -> None:
        match before, cue:
            case _, Cue.SOFT_END:
                self._tell_end(EventKind.SOFT_END)
                self._ask(certain=False)
            case Floor.GUESSING, Cue.RESUMED:
                self._delivery.cancel()
            case _, Cue.TURN_END:
                self._commit(asked=before is Floor.GUESSING)
            case _, Cue.READY:
                self._delivery.play()
            case _, Cue.DONE:
                self._delivery.end()
            case ((Floor.THINKING | Floor.WITHHELD), Cue.TURN):
                self._delivery.cancel()
                self._open = True
            case ((Floor.GUESSING | Floor.THINKING | Floor.WITHHELD), Cue.STOP):
                self._delivery.cancel()
                self._forget_sound()
                self._discard()
            case _, Cue.DRAINED:
                self._cut()
            case _:
                self._enact_sound(before, cue)

    def _enact_sound(self, before: Floor, cue: Cue) -> None:
        """What the user's sound does to a reply that sounds."""
        turn = self._delivery.answer.turn
        match before, cue:
            case Floor.SPEAKING, Cue.NOISE:
                self._delivery.duck(True)
                self._out.tell(EventKind.DUCK, turn)
            case Floor.DUCKED, Cue.NOTHING:
                self._delivery.duck(False)
            case Floor.DUCKED, Cue.SPEECH:
                self._delivery.hush()
                heard = self._delivery.heard.samples
                self._out.tell(EventKind.PAUSE, turn, heard_samples=heard)
            case Floor.PAUSED, Cue.NOTHING:
                self._delivery.play()
            case ((Floor.SPEAKING | Floor.DUCKED), (Cue.STOP | Cue.TURN)):
                self._delivery.hush()
        if cue is Cue.NOTHING:
            self._forget_sound()
            if before is not Floor.WITHHELD:
                self._out.tell(EventKind.RESUME, turn)

    def _catch_up(self) -> None:
        """The floor is free: takes up, in order, what the user did meanwhile."""
        pending, self._pending = self._pending, []
        for n, event in pending:
            self._hear(n, event)

    # --- the reply -------------------------------------------------------------------------------

    def _ask(self, certain: bool) -> None:
        self._delivery.ask(self._turn, certain, self._last_voiced_n)

    def _commit(self, asked: bool) -> None:
        if not asked or self._delivery.answer.refused:
            self._ask(certain=True)
        self._delivery.commit()

    def _speak(self) -> None:
        if self._floor is Floor.THINKING and self._delivery.answer.refused:
            self._ask(certain=True)
        elif cue := self._delivery.due(self._floor):
            self._move(cue)
        self._delivery.hand_out()

    def _cut(self) -> None:
        turn, heard = self._delivery.cut()
        if not heard.text and any(isinstance(event, SpeechStart) for _, event in self._pending):
            self._open = True  # not a word was heard: the user just went on
        else:
            self._out.act(Truncate(turn, heard))
