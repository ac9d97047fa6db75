//! H.265 payloads (RFC 7798).
