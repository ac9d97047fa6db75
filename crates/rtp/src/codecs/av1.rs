//! AV1 payloads (the RTP Payload Format For AV1, version 1.0).
