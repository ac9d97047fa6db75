//! VP9 payloads (RFC 9628).
