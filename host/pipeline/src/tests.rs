//! The core as a whole, against random deployments, an independent model and planted faults.
//!
//! [`script`] makes random courses and worlds; [`model`] says, naively and on its own, what
//! must come of them; [`checker`] holds a trace against the promises, and [`faults`] makes sure
//! that it would notice if they were broken.

mod checker;
mod faults;
mod fuzz;
mod illegal;
mod model;
mod properties;
mod recovery;
mod scale;
mod scenarios;
mod script;
mod timing;
