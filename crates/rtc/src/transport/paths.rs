//! Which of the peer's addresses media takes.
