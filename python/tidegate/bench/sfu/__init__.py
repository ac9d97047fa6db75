"""Measures SFUs, ours and others.

``load`` is the native generator's process, ``servers`` starts what is measured, ``calls``,
``janus`` and ``livekit`` do their signalling, and ``modes`` composes runs into figures.
"""
