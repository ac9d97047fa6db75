"""The Realtime SFU's rules: SDP, sessions, tracks and who may do what when. Nothing here waits."""
