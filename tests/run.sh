#!/usr/bin/env bash
# Everything that must hold before a change lands: formatting, lints, all tests against the
# real thing, documentation. Installs or makes what the machine lacks; stops at the first
# failure. `--without NAME` leaves out a group of tests that need more than Rust, git and cc:
#   oci-tools   skopeo and umoci read what was built
#   docker      a Docker engine builds and runs services; one that runs already is used
#   registry    images go to and come from a real registry
set -euo pipefail
cd "$(dirname "$0")/.."

groups=(oci-tools docker registry)

say() { printf '\n== %s\n' "$*"; }

fail() {
    echo "tests/run.sh: $*" >&2
    exit "${code:-1}"
}

# The packages of programs that are not named like them.
declare -A packages=([dockerd]=docker.io [busybox]=busybox-static [ip]=iproute2)

# Installs the packages of programs that are not there.
provide() {
    local group=$1 program missing=() as=()
    shift
    for program; do
        command -v "$program" >/dev/null || missing+=("${packages[$program]-$program}")
    done
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    ((EUID == 0)) || as=(sudo)
    "${as[@]}" apt-get update -qq && "${as[@]}" apt-get install -y -qq "${missing[@]}" ||
        fail "cannot install ${missing[*]}; install them, or leave their tests out with --without $group"
}

left_out=()
while (($#)); do
    [[ $1 == --without ]] || code=2 fail "unknown argument '$1'; there is --without NAME"
    for group in "${groups[@]}" ''; do
        [[ -n $group ]] || code=2 fail "--without: there is no group '${2-}'; there are: ${groups[*]}"
        [[ $group != "${2-}" ]] || break
    done
    left_out+=("$group")
    shift 2
done

for program in cargo git cc; do
    command -v "$program" >/dev/null ||
        fail "'$program' is missing; install it (Rust from rustup, git and a C compiler from your system)"
done
for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done
skips=()
for group in "${left_out[@]}"; do
    say "left out, as asked: $group"
    skips+=(--skip "${group//-/_}::")
done
[[ " ${left_out[*]} " == *" oci-tools "* ]] || provide oci-tools skopeo umoci
[[ " ${left_out[*]} " == *" docker "* ]] || provide docker dockerd busybox ip
[[ " ${left_out[*]} " == *" registry "* ]] || provide registry docker-registry skopeo openssl

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
cargo test --locked --workspace -- "${skips[@]}"
CARGO_TARGET_DIR=$PWD/target/examples examples test --locked --offline --quiet

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
