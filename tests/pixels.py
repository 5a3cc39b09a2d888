"""Pictures as arrays: PNG read and written, as browsers make screenshots (8 bits a channel, not interlaced)."""

import struct
import zlib

import numpy as np
from numba import njit


def read(png: bytes) -> np.ndarray:
    """The picture as (height, width, 3) bytes."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert (depth, kind) in ((8, 2), (8, 6))
    channels, at, packed = {2: 3, 6: 4}[kind], 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + length]
        at += length + 12
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    return _unfiltered(lines, channels).reshape(height, width, channels)[:, :, :3]


@njit(cache=True)
def _unfiltered(lines, channels):
    """The bytes of the lines, each of which begins with the filter that it went through (PNG, section 9)."""
    height, width = lines.shape[0], lines.shape[1] - 1
    done = np.zeros((height, width), np.uint8)
    for y in range(height):
        kind = lines[y, 0]
        for x in range(width):
            left = np.int64(done[y, x - channels]) if x >= channels else 0
            up = np.int64(done[y - 1, x]) if y else 0
            corner = np.int64(done[y - 1, x - channels]) if y and x >= channels else 0
            if kind == 0:
                guess = 0
            elif kind == 1:
                guess = left
            elif kind == 2:
                guess = up
            elif kind == 3:
                guess = (left + up) // 2
            else:
                to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                guess = corner
                if to_left <= to_up and to_left <= to_corner:
                    guess = left
                elif to_up <= to_corner:
                    guess = up
            done[y, x] = (np.int64(lines[y, x + 1]) + guess) & 255
    return done


def write(picture: np.ndarray) -> bytes:
    """The picture as a PNG."""
    height, width, _ = picture.shape
    lines = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(picture, np.uint8))

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
