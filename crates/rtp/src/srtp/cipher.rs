//! What seals and opens one packet, given its index.
