"""What is provisioned: accounts, API tokens, apps, TURN keys, relays and their tokens.

`database` opens it, `schema` draws it, `migrations/` brings an older one up to date. Each other
file holds one table's questions and changes, as functions of an open transaction. `directory` is
what the media side reads instead.
"""
