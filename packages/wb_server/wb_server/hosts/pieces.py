"""The pieces of a streamed answer, as they go to the socket."""

from __future__ import annotations

from typing import Final

from ..kit.endpoint import ByteStream

# Pieces are joined to at least this many bytes: passing one to the event loop costs more than making
# it, so a small answer is one piece.
_JOINED: Final = 64 * 2**10


class Pieces:
    """The pieces of a stream, with small ones joined. The first is taken at once.

    Attributes:
        piece: the last one taken.
        ended: True if it was the last of the stream, which has closed itself.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._pieces = iter(stream)
        self.piece = b""
        self.ended = False
        self.take()

    def take(self) -> None:
        """Takes the next piece."""
        taken: list[bytes] = []
        size = 0
        while size < _JOINED:
            piece = next(self._pieces, None)
            if piece is None:
                self.ended = True
                break
            taken.append(piece)
            size += len(piece)
        self.piece = taken[0] if len(taken) == 1 else b"".join(taken)
