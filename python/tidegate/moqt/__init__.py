"""MoQ Transport: sessions, relays and their messages, without I/O."""
