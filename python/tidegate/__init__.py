"""A realtime media cloud that you run yourself: MoQ relays and a WebRTC SFU on one server."""

__version__ = "0.1.0"
