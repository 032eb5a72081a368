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

# The example's programs are packages of their own, as a user's would be.
examples() {
    for manifest in host/examples/shop/*/Cargo.toml host/examples/shop/libs/*/Cargo.toml; do
        cargo "$1" --manifest-path "$manifest" "${@:2}"
    done
}

say "formatting"
cargo fmt --all --check
examples fmt --check

say "lints"
cargo clippy --locked --workspace --all-targets -- -D warnings
CARGO_TARGET_DIR=$PWD/target/examples examples clippy --locked --offline --quiet --all-targets -- -D warnings

say "tests"
cargo test --locked --workspace
CARGO_TARGET_DIR=$PWD/target/examples examples test --locked --offline --quiet

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
