//! The real program with real processes and real guests, in one test binary.

mod installation;
