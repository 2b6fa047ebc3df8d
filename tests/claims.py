"""Little image files whose headers claim any size, in every format that OpenCV reads but JPEG."""

from __future__ import annotations

import struct
import zlib


def chunk(name: bytes, payload: bytes) -> bytes:
    """Return a chunk of a PNG."""
    size = struct.pack(">I", len(payload))
    return size + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png(width: int, height: int, *more: bytes, pixels: bytes = bytes(1000)) -> bytes:
    """Return an RGB PNG; ``more`` are chunks before its data."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(pixels, 9))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + data + chunk(b"IEND", b"")


def bmp(width: int, height: int) -> bytes:
    """Return a BMP of 24 bits; a negative height is one from the top down."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + info + bytes(100)


def old_bmp(width: int, height: int) -> bytes:
    """Return a BMP with the header of OS/2."""
    info = struct.pack("<IHHHH", 12, width, height, 1, 24)
    return b"BM" + struct.pack("<IHHI", 126, 0, 0, 26) + info + bytes(100)


def gif(width: int, height: int, frames: int = 1) -> bytes:
    """Return a GIF of pixels that are hardly there."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b";"


def tiff(width: int, height: int, *entries: tuple[int, int, int], order: str = "<") -> bytes:
    """Return a TIFF; ``entries`` are further tags: tag, kind and value."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, 100), *entries]
    kinds = {3: "HHIHxx", 4: "HHII"}
    body = b"".join(
        struct.pack(order + kinds[kind], tag, kind, 1, value) for tag, kind, value in sorted(tags)
    )
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 108)
    return start + bytes(100) + struct.pack(order + "H", len(tags)) + body + bytes(4)


def big_tiff(width: int, height: int) -> bytes:
    """Return a BigTIFF."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 16), (277, 1)]
    tags += [(278, height), (279, 100)]
    body = b"".join(struct.pack("<HHQQ", tag, 16, 1, value) for tag, value in tags)
    start = b"II\x2b\0" + struct.pack("<HHQ", 8, 0, 116)
    return start + bytes(100) + struct.pack("<Q", len(tags)) + body + bytes(8)


def j2k(width: int, height: int) -> bytes:
    """Return a JPEG 2000 codestream with one empty tile."""
    size = struct.pack(">HIIIIIIIIH", 0, width, height, 0, 0, width, height, 0, 0, 3)
    marked = [
        (b"\xff\x51", size + b"\x07\x01\x01" * 3),
        (b"\xff\x52", bytes([0, 0, 0, 1, 0, 0, 4, 4, 0, 1])),
        (b"\xff\x5c", b"\x40\x40"),
    ]
    body = b"".join(m + struct.pack(">H", len(part) + 2) + part for m, part in marked)
    tile = b"\xff\x90" + struct.pack(">HHIBB", 10, 0, 14, 0, 1) + b"\xff\x93"
    return b"\xff\x4f" + body + tile + b"\xff\xd9"


def _box(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload) + 8) + name + payload


def jp2(width: int, height: int, *, said: tuple[int, int] | None = None) -> bytes:
    """Return a JP2, whose boxes may say another (width, height) than its codestream."""
    boxed = said or (width, height)
    header = _box(b"ihdr", struct.pack(">IIHBBBB", boxed[1], boxed[0], 3, 7, 7, 0, 0))
    header += _box(b"colr", b"\x01\0\0" + struct.pack(">I", 16))
    start = _box(b"jP  ", b"\r\n\x87\n") + _box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return start + _box(b"jp2h", header) + _box(b"jp2c", j2k(width, height))


def _riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(part)) + part for name, part in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def webp(width: int, height: int, *, animated: bool = False) -> bytes:
    """Return a WebP with a canvas, whose one frame has half of each side."""
    canvas = bytes([2 if animated else 0, 0, 0, 0])
    canvas += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = b"\x2f" + struct.pack("<I", (width // 2 - 1) | ((height // 2 - 1) << 14)) + bytes(21)
    parts = [(b"VP8X", canvas), *([(b"ANIM", bytes(6))] if animated else []), (b"VP8L", frame)]
    return _riff(*parts)


def lossless_webp(width: int, height: int) -> bytes:
    """Return a WebP without a canvas."""
    bits = (width - 1) | ((height - 1) << 14)
    return _riff((b"VP8L", b"\x2f" + struct.pack("<I", bits) + bytes(21)))


def lossy_webp(width: int, height: int) -> bytes:
    """Return a WebP without a canvas, whose frame breaks behind its header."""
    start = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return _riff((b"VP8 ", start + bytes(20)))


def avif(width: int, height: int) -> bytes:
    """Return the boxes of an AVIF."""
    extent = _box(b"ispe", struct.pack(">III", 0, width, height))
    properties = _box(b"iprp", _box(b"ipco", extent))
    return _box(b"ftyp", b"avif\0\0\0\0avifmif1") + _box(b"meta", bytes(4) + properties)


def avif_track(width: int, height: int) -> bytes:
    """Return the boxes of an AVIF sequence."""
    track = _box(b"tkhd", bytes(76) + struct.pack(">II", width << 16, height << 16))
    return _box(b"ftyp", b"avis\0\0\0\0avisavif") + _box(b"moov", _box(b"trak", track))


def sun(width: int, height: int) -> bytes:
    """Return a Sun raster."""
    return (
        b"\x59\xa6\x6a\x95" + struct.pack(">IIIIIII", width, height, 24, 100, 1, 0, 0) + bytes(99)
    )


def exr(width: int, height: int) -> bytes:
    """Return the beginning of an OpenEXR file."""
    window = struct.pack("<iiii", -5, -5, width - 6, height - 6)
    return b"\x76\x2f\x31\x01\x02\0\0\0dataWindow\0box2i\0\x10\0\0\0" + window + b"\0"


def pnm(width: int, height: int, form: str = "P6 {} {} 255\n") -> bytes:
    """Return a PNM, PAM, PFM or HDR with this header."""
    return form.format(width, height).encode() + bytes(100)


PAM = "P7\n# HEIGHT 1\nWIDTH {}\nHEIGHT {}\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
PFM = "PF\n{} {}\n-1.0\n"
HDR = "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {1} +X {0}\n"
HDR_IN_PIECES = "#?RGBE\n" + "x" * 127 + "\nFORMAT=32-bit_rle_rgbe\n\n-Y {1} +X {0}\n-Y 1 +X 1\n"


def all_claiming(width: int, height: int) -> dict[str, bytes]:
    """Return a file of every kind that claims this size; each side is at least 2, at most 65535."""
    files = {
        "png": png(width, height),
        "bmp": bmp(width, height),
        "bmp-top-down": bmp(width, -height),
        "bmp-os2": old_bmp(width, height),
        "gif": gif(width, height),
        "tiff": tiff(width, height),
        "tiff-motorola": tiff(width, height, order=">"),
        "tiff-twice": tiff(1, 1, (256, 4, width), (257, 4, height)),
        "tiff-tiles": tiff(16, 16, (322, 4, width), (323, 4, height)),
        "tiff-big": big_tiff(width, height),
        "j2k": j2k(width, height),
        "jp2": jp2(width, height),
        "jp2-polyglot": jp2(width, height, said=(16, 16)),
        "webp": webp(width, height),
        "webp-animated": webp(width, height, animated=True),
        "avif": avif(width, height),
        "avif-track": avif_track(width, height),
        "sun": sun(width, height),
        "exr": exr(width, height),
        "ppm": pnm(width, height),
        "pgm-in-letters": pnm(width, height, "P2\n#1 1\r#\n{} {}\n255\n"),
        "pbm-odd": pnm(width, height, "P4\t{}x{}\n"),
        "pam": pnm(width, height, PAM),
        "pfm": pnm(width, height, PFM),
        "hdr": pnm(width, height, HDR),
        "hdr-in-pieces": pnm(width, height, HDR_IN_PIECES),
    }
    if max(width, height) <= 2**14 - 1:
        files["webp-lossless"] = lossless_webp(width, height)
        files["webp-lossy"] = lossy_webp(width, height)
    return files
