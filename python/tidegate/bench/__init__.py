"""Measures relays, ours and others, with the native load generator: figures, not opinions.

``runs`` carries out one plan, ``relays`` starts what is measured, ``modes`` composes runs into
figures, and ``tables`` shows them.
"""
