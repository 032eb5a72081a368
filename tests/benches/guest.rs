//! Components to measure with.

use anyhow::{Context, Result};

/// Components that were compiled for the tests.
const GUESTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// A function as there may be any number of in a module.
const FUNCTION: &str = "(func (param i32 i32) (result i32)
    (if (i32.lt_u (local.get 0) (local.get 1)) (then
        (i32.store (local.get 0) (i32.mul (local.get 1) (i32.const 77777)))
        (local.set 0 (i32.rotl (local.get 0) (i32.load (local.get 1))))))
    (i32.xor (local.get 0) (i32.const 123456)))";
/// Bytes that one of them takes in a module, about.
const FUNCTION_BYTES: usize = 44;

/// The deployer of `tests/guests/pacer`.
pub fn pacer() -> Result<&'static [u8]> {
    named("pacer")
}

/// The deployer of `tests/guests/dice`, which imports WASI.
pub fn dice() -> Result<&'static [u8]> {
    named("dice")
}

fn named(name: &str) -> Result<&'static [u8]> {
    let known = GUESTS.iter().find(|(known, _)| *known == name);
    let (_, bytes) = known.with_context(|| format!("there is no guest {name}"))?;
    Ok(bytes)
}

/// The pacer with so many bytes of further code in it, in a core module of its own.
pub fn pacer_of_size(bytes: usize) -> Result<Vec<u8>> {
    let mut component = pacer()?.to_vec();
    let missing = bytes.saturating_sub(component.len());
    let functions = FUNCTION.repeat(missing / FUNCTION_BYTES);
    let module = wat::parse_str(format!("(module (memory 1) {functions})"))?;
    // Component model, Binary.md: section 1 is a core module, behind its size in LEB128.
    component.push(1);
    let mut size = module.len();
    while size >= 0x80 {
        component.push(0x80 | (size & 0x7f) as u8);
        size >>= 7;
    }
    component.push(size as u8);
    component.extend(module);
    Ok(component)
}
