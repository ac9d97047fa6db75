"""What a description may hold. It is measured before it is parsed; what exceeds a number here is
refused, or where it says so, ignored."""

MAX_CHARACTERS = 1_000_000
MAX_LINES = 100_000
MAX_SECTIONS = 512

MAX_LINE = 4_096
"""Characters of one line."""

MAX_SECTION_LINES = 1_024
MAX_SESSION_LINES = 256
"""Lines before the first section."""

MAX_TOKEN = 32
"""Characters of a mid or rid; RFC 8843 §15.1 and RFC 8852 §3.1 want them far shorter."""

MAX_URI = 256
"""Characters of a header extension's URI."""

MAX_SSRCS = 64
"""SSRCs of one section that are read; further ones are ignored."""

MAX_RIDS = 16
"""Restriction ids of one section and direction that are read; further ones are ignored."""

MAX_CANDIDATES = 32
"""Candidates of one section that are read; further ones are ignored."""
