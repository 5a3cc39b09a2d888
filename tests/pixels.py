"""Pictures as arrays: PNG read and written, as browsers make screenshots (8 bits a channel, not interlaced)."""

import struct
import zlib

import numpy as np


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
    done = np.zeros((height + 1, width, channels), np.uint8)
    for row, line in enumerate(lines, 1):
        rest, above = line[1:].reshape(width, channels), done[row - 1]
        done[row] = FILTERS[line[0]](rest, above)
    return done[1:, :, :3]


def _sub(rest, _):
    return np.cumsum(rest, axis=0, dtype=np.uint8)


def _average(rest, above):
    done, left = np.empty_like(rest), np.zeros(rest.shape[1], np.int64)
    for x in range(len(rest)):
        left = (rest[x] + (left + above[x]) // 2) & 255
        done[x] = left
    return done


def _paeth(rest, above):
    done = np.empty_like(rest)
    channels = rest.shape[1]
    left, corner = [0] * channels, [0] * channels
    for x, (own, up) in enumerate(zip(rest.tolist(), above.tolist(), strict=True)):
        for c in range(channels):
            a, b, d = left[c], up[c], corner[c]
            p, q, r = abs(b - d), abs(a - d), abs(a + b - 2 * d)
            left[c] = (own[c] + (a if p <= q and p <= r else b if q <= r else d)) & 255
        done[x] = left
        corner = up
    return done


FILTERS = {0: lambda rest, _: rest, 1: _sub, 2: lambda rest, above: rest + above, 3: _average, 4: _paeth}


def write(picture: np.ndarray) -> bytes:
    """The picture as a PNG."""
    height, width, _ = picture.shape
    lines = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(picture, np.uint8))

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
