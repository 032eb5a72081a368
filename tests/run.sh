#!/usr/bin/env bash
# Everything that must hold before a change lands: formatting, lints, all tests against the
# real thing, documentation. Installs or makes what the machine lacks; stops at the first
# failure.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

for program in cargo git cc; do
    command -v "$program" >/dev/null || {
        echo "tests/run.sh: '$program' is missing; install it (Rust from rustup, git and a C compiler from your system)" >&2
        exit 1
    }
done
for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done

say "formatting"
cargo fmt --all --check

say "lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

say "tests"
cargo test --locked --workspace

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
