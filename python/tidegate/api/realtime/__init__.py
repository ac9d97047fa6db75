"""The Realtime SFU's API: one file per resource, named like its URL below an app's.

It is a surface of its own: other credentials, other errors, and browsers call it.
"""
