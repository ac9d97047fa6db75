//! The SCTP association over DTLS.
