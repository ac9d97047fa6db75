"""What publishers send: the packets of each frame, as sizes of UDP payloads, in bytes."""

from collections.abc import Sequence

Frames = Sequence[Sequence[int]]

EQUAL: Frames = [[1200] * 8]
"""A frame that leaves as one run of segments."""

AUDIO: Frames = [[100]]
"""Opus at about 24 kbit/s, in packets of 20 ms."""

THIN: Frames = [[200]]
"""A stream that is there, and costs little."""

_CAPTURED = (
    ((1085, 5), (1086, 4)),
    ((1165, 8),),
    ((1171, 1), (1172, 7)),
    ((1144, 1), (1145, 7)),
    ((1081, 1), (1082, 7)),
    ((1094, 3), (1095, 5)),
    ((1171, 2), (1172, 5)),
    ((1136, 2), (1137, 6)),
    ((1092, 4), (1093, 4)),
    ((1081, 2), (1082, 7)),
    ((1097, 8), (1098, 1)),
    ((1129, 4), (1130, 5)),
    ((1197, 3), (1198, 5)),
    ((1113, 2), (1114, 7)),
    ((1119, 7), (1120, 2)),
    ((1090, 3), (1091, 6)),
    ((1089, 9),),
    ((1191, 4), (1192, 4)),
    ((1153, 8), (1154, 1)),
    ((1088, 6), (1089, 3)),
    ((1099, 5), (1100, 4)),
    ((1101, 3), (1102, 5)),
    ((1194, 2), (1195, 6)),
    ((1097, 6), (1098, 2)),
    ((1102, 6), (1103, 2)),
    ((1096, 2), (1097, 6)),
    ((1112, 3), (1113, 6)),
    ((1116, 4), (1117, 4)),
    ((1207, 6), (1208, 2)),
    ((1181, 8),),
)
"""Sizes, and how many packets of each: Chromium 156 on Linux, VP8 of a moving canvas at
``maxBitrate`` 1,900,000, one second between two of its connections, six seconds after the start,
taken from the loopback with a packet socket. The packets of a frame differ by a byte at most."""

CHROMIUM: Frames = [
    [size for size, packets in frame for _ in range(packets)] for frame in _CAPTURED
]
"""Frames of 8.4 packets on average, with the sizes that Chromium gives them."""
