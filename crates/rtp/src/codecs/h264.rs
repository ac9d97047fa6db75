//! H.264 payloads (RFC 6184).
