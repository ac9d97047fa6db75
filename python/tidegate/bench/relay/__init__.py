"""Measures MoQT relays, ours and others.

``runs`` carries out one plan, ``relays`` starts what is measured, ``modes`` composes runs into
figures.
"""
