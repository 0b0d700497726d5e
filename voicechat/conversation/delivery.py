"""The assistant's answer, from the order to the engine to the user's ear.

ask ─▶ take, take, ... ─▶ play ─▶ end
                            └───▶ hush ─▶ play, or cut
"""

from __future__ import annotations

from dataclasses import asdict

from voicechat.config import Config
from voicechat.conversation.alignment import PACE, Alignment, align, pace
from voicechat.conversation.answer import Answer
from voicechat.conversation.floor import Cue, Floor
from voicechat.conversation.outbox import Outbox
from voicechat.conversation.playback import Playback
from voicechat.events import Cancel, EventKind, Flush, Heard, Play, Reply, ReplyChunk, Tick


class Delivery:
    """One answer at a time.

    Args:
        config: settings of the speaker and of what an interruption sounds like.
        out: takes the orders and the news.

    Attributes:
        answer: what was asked for; None while nothing is.
    """

    def __init__(self, config: Config, out: Outbox) -> None:
        self.answer: Answer | None = None
        self._playback = Playback(config.audio, config.barge_in)
        self._out = out
        self._pace = PACE  # the voice's, measured on each whole reply
        self._aligned: Alignment | None = None  # the reply's words and sound, as last looked at

    @property
    def drained(self) -> bool:
        """Nothing of ours is in the speaker's ring."""
        return self._playback.drained

    @property
    def heard(self) -> Heard:
        """What the user heard of the reply so far."""
        answer, playback = self.answer, self._playback
        if not (self._aligned and self._aligned.of(answer.text, playback.made, answer.final)):
            self._aligned = align(answer.text, playback.made, answer.final, self._pace)
        return Heard(playback.heard, self._aligned.heard(playback.heard))

    def ask(self, turn: int, certain: bool, last_voiced_n: int) -> None:
        """Has a turn answered, silently until `commit`; once more, if it was refused since."""
        end_n = self.answer.end_n if self.answer else None
        self.answer = Answer(turn, certain, last_voiced_n, end_n=end_n)
        self._playback.begin()
        self._out.act(Reply(turn, certain))

    def commit(self) -> None:
        """The turn is over: its answer may be seen and heard."""
        self.answer.end_n = self._out.n
        self._tell_text(self.answer.text)

    def take(self, chunk: ReplyChunk) -> None:
        """The engine made more of the answer."""
        assert self.answer, f"an answer to turn {chunk.turn} that nobody asked for"
        self.answer.take(chunk, self._out.n)
        self._playback.append(chunk.pcm, chunk.final)
        if self.answer.end_n is not None:
            self._tell_text(chunk.text)

    def book(self, tick: Tick) -> None:
        """Books what the speaker played."""
        answer = self.answer
        self._playback.report(len(tick.heard), tick.played)
        if answer and self._playback.heard and not answer.started:
            answer.started = True
            latency = asdict(answer.latency(self._out.n))
            self._out.tell(EventKind.REPLY_START, answer.turn, latency=latency)

    def due(self, floor: Floor) -> Cue | None:
        """What the answer has come to, for who has the floor."""
        answer, playback = self.answer, self._playback
        match floor:
            case Floor.THINKING if playback.ready:
                return Cue.READY
            case Floor.THINKING if answer.final and answer.sound_n is None:
                return Cue.DONE
            case Floor.SPEAKING | Floor.DUCKED if playback.finished:
                return Cue.DONE
            case Floor.YIELDING if playback.drained:
                return Cue.DRAINED
        return None

    def hand_out(self) -> None:
        """Gives the speaker as much as its cushion lacks."""
        pcm = self._playback.next()
        if len(pcm):
            self._out.act(Play(self.answer.turn, pcm))

    def play(self) -> None:
        """Sounds, from where it was hushed if it was."""
        self._playback.play()

    def duck(self, on: bool) -> None:
        """Sounds softly, or no longer so."""
        self._playback.duck(on)

    def hush(self) -> None:
        """Falls silent at once."""
        self._playback.pause()
        self._out.act(Flush(self._playback.fade))

    def end(self) -> None:
        """All of it was heard."""
        answer, playback = self.answer, self._playback
        playback.pause()
        self._pace = pace(answer.text, playback.made) or self._pace
        self.answer = None
        self._out.tell(
            EventKind.REPLY_END, answer.turn, heard_samples=playback.heard, text=answer.text
        )

    def cut(self) -> tuple[int, Heard]:
        """Nothing more of it will be heard; returns whose answer it was, and what was heard."""
        answer, heard = self.answer, self.heard
        self.cancel()
        self._out.tell(
            EventKind.CUT,
            answer.turn,
            heard_samples=heard.samples,
            heard_text=heard.text,
            text=answer.text,
        )
        return answer.turn, heard

    def cancel(self) -> None:
        """Nobody wants it any more."""
        answer, self.answer = self.answer, None
        if not answer.final:
            self._out.act(Cancel(answer.turn))

    def _tell_text(self, text: str) -> None:
        if text:
            self._out.tell(EventKind.TEXT, self.answer.turn, text=text)
