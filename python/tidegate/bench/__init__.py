"""Measures relays and SFUs, ours and others, with the native load generator: figures, not opinions.

``relay`` and ``sfu`` say what is run against which server; ``comparison`` lets servers take
turns, and ``tables`` shows what came of it.
"""
