"""Files that the user sends beside or instead of speech: images, audio, video with its sound.

Limits are those of the released models. Nothing here needs torchvision: images go through the PIL
twin of transformers' image processor, and a video's frames do too, two and two.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from voicechat.audio.wav import read_wav
from voicechat.clock import MIC_RATE
from voicechat.engine.checkpoint import Checkpoint
from voicechat.engine.hearing import Hearing
from voicechat.engine.prompt import ChatML, Segment
from voicechat.engine.thinker import Thinker
from voicechat.errors import UserError

if TYPE_CHECKING:
    from PIL import Image
    from transformers import Qwen2VLImageProcessorPil

_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
_SOUNDS = {".wav", ".flac", ".ogg", ".mp3"}
_VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".avi"}
_MEGABYTES = {"image": 10, "audio file": 10, "video": 150}
_SOUND_S = 180
_VIDEO_S = 40
_FPS = 2  # Qwen2_5OmniProcessor's default
_VIDEO_SIZE = {"shortest_edge": 128 * 28 * 28, "longest_edge": 768 * 28 * 28}


class Perception:
    """Turns files into segments of a prompt.

    Args:
        checkpoint: whose eyes and ears are used.
        thinker: looks tokens up.
        chat: knows the special tokens.
    """

    def __init__(self, checkpoint: Checkpoint, thinker: Thinker, chat: ChatML) -> None:
        self._checkpoint, self._thinker, self._chat = checkpoint, thinker, chat
        self._model = checkpoint.model.thinker

    def perceive(self, path: Path) -> Segment:
        """Reads a file.

        Raises:
            UserError: if it is missing, broken, too large, or cannot be perceived by this model.
        """
        kind = _kind(path)
        if kind != "audio file" and not self._checkpoint.settings.sees:
            raise UserError(f"{path.name}: this model cannot see; it was trained to listen only")
        perceive = {"image": self._image, "audio file": self._sound, "video": self._video}
        return perceive[kind](path)

    def _image(self, path: Path) -> Segment:
        with _legible(path):
            from PIL import Image

            try:
                with Image.open(path) as file:
                    image = file.convert("RGB")
            except Image.DecompressionBombError as fault:
                raise ValueError(fault) from fault
            made = self._processor()(image, return_tensors="pt")
        grid = made["image_grid_thw"]
        pixels = made["pixel_values"].to(self._thinker.device)
        features = self._model.get_image_features(pixels, grid.to(pixels.device)).pooler_output
        seen = torch.cat(features)
        ids = self._ids("<|vision_bos|>", *["<|IMAGE|>"] * len(seen), "<|vision_eos|>")
        return self._segment(ids, {"<|IMAGE|>": seen}, image_grid_thw=grid)

    def _sound(self, path: Path) -> Segment:
        heard = self._hear(read_wav(path, MIC_RATE, _SOUND_S))
        ids = self._ids("<|audio_bos|>", *["<|AUDIO|>"] * len(heard), "<|audio_eos|>")
        return self._segment(ids, {"<|AUDIO|>": heard})

    def _video(self, path: Path) -> Segment:
        frames, pcm = _decode(path)
        with _legible(path):
            pixels, grid = self._patches(frames)
        features = self._model.get_video_features(pixels, grid.to(pixels.device)).pooler_output
        seen, per_grid = torch.cat(features), 2 / _FPS
        placing = {"video_grid_thw": grid, "second_per_grids": torch.tensor([per_grid])}
        heard = self._hear(pcm)
        if not len(heard):  # no sound, or less than a token of it
            ids = self._ids("<|vision_bos|>", *["<|VIDEO|>"] * len(seen), "<|vision_eos|>")
            return self._segment(ids, {"<|VIDEO|>": seen}, **placing)
        opening, closing = ("<|vision_bos|>", "<|audio_bos|>"), ("<|audio_eos|>", "<|vision_eos|>")
        inside = self._interleaved(len(seen), int(grid[0, 0]), len(heard), per_grid)
        return self._segment(
            self._ids(*opening, *inside, *closing),
            {"<|VIDEO|>": seen, "<|AUDIO|>": heard},
            use_audio_in_video=True,
            audio_seqlens=torch.tensor([4 * len(heard)]),  # mel frames: 4 a token
            **placing,
        )

    def _interleaved(self, seen: int, grids: int, heard: int, per_grid: float) -> Iterator[str]:
        """Sight and sound by turns, 2 s each (`replace_video_with_audio_token`)."""
        config = self._model.config
        chunk = config.position_id_per_seconds * config.seconds_per_chunk
        times = np.arange(seen) // (seen // grids) * per_grid * config.position_id_per_seconds
        sights, sounds = times // chunk, np.arange(heard) // chunk
        for number in range(int(max(sights[-1], sounds[-1])) + 1):
            yield from ["<|VIDEO|>"] * int((sights == number).sum())
            yield from ["<|AUDIO|>"] * int((sounds == number).sum())

    def _patches(self, frames: list[Image.Image]) -> tuple[Tensor, Tensor]:
        """Frames as `[patches, channels * 2 * side * side]` and their grid `[1, 3]`.

        The image processor shows each image twice, as the two frames of a temporal patch; here
        the second one is the next frame.
        """
        processor = self._processor(size=_VIDEO_SIZE)
        made = [processor(frame, return_tensors="pt") for frame in frames]
        _, height, width = made[0]["image_grid_thw"][0].tolist()
        side = (height * width, 3, 2, processor.patch_size**2)
        patches = torch.stack([one["pixel_values"].view(side)[:, :, 0] for one in made])
        pairs = patches.unflatten(0, (-1, 2)).permute(0, 2, 3, 1, 4)  # [grids, patches, 3, 2, ...]
        grid = torch.tensor([[len(pairs), height, width]])
        return pairs.flatten(2).flatten(0, 1).to(self._thinker.device), grid

    def _processor(self, **size: object) -> Qwen2VLImageProcessorPil:
        # Here, so that speech and text do without pillow.
        from transformers import Qwen2VLImageProcessorPil

        return Qwen2VLImageProcessorPil.from_pretrained(self._checkpoint.where, **size)

    def _hear(self, pcm: np.ndarray) -> Tensor:
        hearing = Hearing(self._model.model.audio_tower, self._checkpoint.feature_extractor)
        return torch.cat([*hearing.push(pcm), hearing.rest()])

    def _ids(self, *names: str) -> Tensor:
        return torch.tensor(self._chat.special(*names).ids)

    def _segment(self, ids: Tensor, features: dict[str, Tensor], **placing: object) -> Segment:
        embeds = self._thinker.look_up(ids.tolist()).clone()
        for name, perceived in features.items():
            embeds[ids == self._chat.token(name)] = perceived.to(embeds)
        positions, _ = self._model.get_rope_index(
            ids[None], attention_mask=torch.ones_like(ids)[None], **placing
        )
        return Segment(tuple(ids.tolist()), embeds, positions[:, 0])


def _kind(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    kinds = {"image": _IMAGES, "audio file": _SOUNDS, "video": _VIDEOS}
    kind = next((kind for kind, endings in kinds.items() if path.suffix.lower() in endings), None)
    if kind is None:
        known = " ".join(sorted(_IMAGES | _SOUNDS | _VIDEOS))
        raise UserError(f"{path.name}: not a kind of file that can be sent; known: {known}")
    megabytes, limit = path.stat().st_size / 1e6, _MEGABYTES[kind]
    if megabytes > limit:
        raise UserError(f"{path.name} has {megabytes:.1f} MB; {kind}s may have up to {limit} MB")
    return kind


def _decode(path: Path) -> tuple[list[Image.Image], np.ndarray]:
    """A video's frames, two a second and an even number of them, and its sound at 16 kHz."""
    with _legible(path):
        import av

        with av.open(str(path)) as container:
            _refuse_long(path, (container.duration or 0) / av.time_base)
            begun = (container.start_time or 0) / av.time_base
            frames: list[Image.Image] = []
            for frame in container.decode(video=0):
                _refuse_long(path, frame.time - begun)  # a live recording tells no duration
                if (frame.time - begun) * _FPS >= len(frames):
                    frames.append(frame.to_image())
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=MIC_RATE)
            sounds = container.decode(audio=0) if container.streams.audio else ()
            pieces = [piece for sound in sounds for piece in resampler.resample(sound)]
    if not frames:
        raise UserError(f"{path.name}: holds no picture")
    pcm = np.concatenate([np.zeros((1, 0), np.int16), *(p.to_ndarray() for p in pieces)], axis=1)
    return frames + frames[-1:] * (len(frames) % 2), pcm[0]


def _refuse_long(path: Path, seconds: float) -> None:
    if seconds > _VIDEO_S:
        raise UserError(f"{path.name}: longer than the {_VIDEO_S} s that a video may last")


@contextmanager
def _legible(path: Path) -> Iterator[None]:
    """Faults of the decoders as faults of the file, and a missing decoder by its package."""
    try:
        yield
    except ImportError as fault:
        package = {"PIL": "pillow"}.get(fault.name or "", fault.name)
        raise UserError(
            f"{path.name}: reading it needs a package: pip install {package}"
        ) from fault
    except (OSError, ValueError, SyntaxError) as fault:  # PIL and av derive theirs from these
        reason = " ".join(str(fault).split()) or type(fault).__name__
        raise UserError(f"{path.name}: cannot be read: {reason}") from fault
