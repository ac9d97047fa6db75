//! Two ends of a session, a network and a clock in hand.
