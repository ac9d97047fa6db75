//! Which of the last packets have come.
