//! Deployment pipelines whose every step is a sandboxed WebAssembly component.
