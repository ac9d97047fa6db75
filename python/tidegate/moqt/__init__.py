"""MoQ Transport: sessions, relays and their messages, without I/O.

From the engine's event to its next command:

* ``server``: all sessions and relays of a node; whose event it is.
* ``session``: one session, from SETUP on; ``inbox``: its streams; ``credit``: its Request IDs, and
  who may ask; ``requests``: each as if it had a stream of its own.
* ``authorization``, ``token_cache``: which relay a session's tokens open, and what they allow.
* ``relay``: one scope; ``namespaces``: discovery in it; ``tracks``: one track of it, between its
  ``publishers`` and its ``subscriptions``, with ``new_groups`` on demand and the ``succession`` of
  publishers; ``fetches`` and ``track_statuses``: questions about it.
* ``plane``, ``timers``, ``limits``: commands, deadlines and bounds; ``prefixes``: look-ups.

Below them is the codec: ``messages`` and what they are made of, ``version`` for what each draft
changes, ``codes`` for its numbers. Only these know drafts.
"""
