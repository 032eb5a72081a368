//! Integration tests: the real program, real processes, real guests.
