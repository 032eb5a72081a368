//! The real program with real processes and real guests, in one test binary.

mod deploying;
mod driving;
mod environment;
mod files;
mod guests;
mod installation;
mod process;
mod shop;
mod sources;
mod terminal;
