"""Pictures one below the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from qcircuit_adapt.draw.marks import Group, Mark, Scene, Words

_SPACE = 14


def stack_scenes(scenes: Sequence[Scene], *, sign: str, ink: str) -> Scene:
    """Put pictures one below the other, with a sign between them.

    Args:
        scenes: The pictures, at least one.
        sign: What stands between two of them, such as a plus; an empty text for nothing.
        ink: The colour of the sign.
    """
    marks: list[Mark] = []
    top = 0.0
    for scene in scenes:
        if marks and sign:
            marks.append(Words(sign, (24, top + 20), 26, ink, weight=600))
            top += 2 * _SPACE
        marks.append(Group(scene.marks, at=(0.0, top)))
        top += scene.height - (0 if scene is scenes[-1] else _SPACE)
    return Scene(
        key="q" + hashlib.sha256("".join(scene.key for scene in scenes).encode()).hexdigest()[:8],
        title=f" {sign or 'and'} ".join(scene.title for scene in scenes),
        description=f" {sign or 'and'} ".join(scene.description for scene in scenes),
        width=max(scene.width for scene in scenes),
        height=top,
        ground=scenes[0].ground,
        marks=tuple(marks),
    )
