//! The sandbox as a whole, with guests that are written by hand: small, and as badly behaved
//! as no toolchain would make them.

mod calling;
mod cancelling;
mod limits;
mod loading;
mod world;
