"""CHECKSUM and DATASUM cards, without the date that would make equal files differ.

The algorithm is the 32-bit ones' complement sum of appendix J of the FITS standard 4.0.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from polarnight.frames.blocks import BLOCK_SIZE, walk

__all__ = ["ones_sum", "signed_header", "with_checksums"]

_CARD_SIZE = 80
_EXCLUDED = frozenset([*range(0x3A, 0x41), *range(0x5B, 0x61)])


def with_checksums(content: bytes | memoryview) -> list[bytes | memoryview]:
    """Add checksum cards to every unit of a FITS file.

    Parameters
    ----------
    content : bytes
        A whole FITS file without such cards.

    Returns
    -------
    list of bytes
        The pieces of the new file, in order.
    """
    view = memoryview(content)
    pieces: list[bytes | memoryview] = []
    position = 0
    for block in walk(io.BytesIO(content), Path("product")):
        data_end = block.offset + -(-block.size // BLOCK_SIZE) * BLOCK_SIZE
        data = view[block.offset : data_end]
        pieces += [signed_header(bytes(view[position : block.offset]), data), data]
        position = data_end
    return pieces


def signed_header(header: bytes, data: bytes | memoryview | int) -> bytes:
    """Add checksum cards to the header of one unit.

    Parameters
    ----------
    header : bytes
        With END and padding.
    data : bytes or int
        Of the unit, padding included; or their 32-bit ones' complement sum.

    Returns
    -------
    bytes
        Of a length that does not depend on `data`.
    """
    data_sum = data if isinstance(data, int) else ones_sum(data)
    cards = header[: _end_of_cards(header)]
    cards += f"DATASUM = '{data_sum:<10d}'         / of the data of this unit".ljust(80).encode()
    start = len(cards) + len("CHECKSUM= '")
    cards += b"CHECKSUM= '0000000000000000'   / of this unit".ljust(80)
    cards += b"END".ljust(_CARD_SIZE)
    padded = cards.ljust(-(-len(cards) // BLOCK_SIZE) * BLOCK_SIZE)
    total = ones_sum(padded, data_sum)
    return padded[:start] + _encode(~total & 0xFFFFFFFF) + padded[start + 16 :]


def _end_of_cards(header: bytes) -> int:
    for position in range(len(header) - _CARD_SIZE, -1, -_CARD_SIZE):
        if header[position : position + 8] == b"END     ":
            return position
    msg = "a header without END"
    raise ValueError(msg)


def ones_sum(data: bytes | memoryview, start: int = 0) -> int:
    """Return the 32-bit ones' complement sum of whole words, added to that of others."""
    total = start + int(np.frombuffer(data, dtype=">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encode(value: int) -> bytes:
    """Write a 32-bit number as 16 characters whose sum is that number."""
    text = bytearray(16)
    for i, byte in enumerate(value.to_bytes(4, "big")):
        quotient, remainder = divmod(byte, 4)
        characters = [quotient + 48 + remainder, *[quotient + 48] * 3]
        while any(c in _EXCLUDED for c in characters):
            for j in (0, 2):
                if characters[j] in _EXCLUDED or characters[j + 1] in _EXCLUDED:
                    characters[j] += 1
                    characters[j + 1] -= 1
        for j, character in enumerate(characters):
            text[4 * j + i] = character
    return bytes(text[-1:] + text[:-1])
