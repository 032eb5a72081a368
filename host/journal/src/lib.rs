//! Durable facts, and what is read from them.
