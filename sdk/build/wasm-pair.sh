# Makes a toolchain for wasm32-unknown-unknown of Debian's rustc-web and its matched source, for
# machines whose own compiler fits no source that Debian has. Called as `bash -s -- FOLDER` with
# CARGO in the environment; FOLDER becomes a sysroot, and FOLDER/rustc its compiler.
#
# Needs a machine with apt and no root: packages are unpacked into FOLDER, the system's own are
# only asked which of them are needed.
set -euo pipefail

folder=$1
target=wasm32-unknown-unknown
fail() { echo "$*" >&2; exit 1; }

for tool in apt-get apt-cache dpkg-deb; do
  command -v "$tool" >/dev/null || fail "this machine has no $tool"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial"

# The machine's own sources and installed packages, but lists and archives of our own.
apt=(-qq -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" -o APT::Sandbox::User=
  -o Debug::NoLocking=1 -o Acquire::Languages=none
  -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)
apt-get "${apt[@]}" update >&2
apt-cache "${apt[@]}" show rustc-web rust-web-src >/dev/null 2>&1 ||
  fail "apt knows no rustc-web and rust-web-src"
apt-get "${apt[@]}" install --yes --download-only --no-install-recommends \
  rustc-web rust-web-src >&2

mkdir -p "$folder"
for package in "$work"/archives/*.deb; do
  # The C library and compiler stay those of the machine: half of one would not work.
  case ${package##*/} in
    libc6*|libc-*|gcc*|cpp*|binutils*) ;;
    *) dpkg-deb -x "$package" "$folder" ;;
  esac
done
cat >"$folder/rustc" <<'WRAPPER'
#!/bin/sh
here=${0%/*}
for libraries in "$here"/usr/lib/*-linux-gnu*; do
  LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH
exec "$here/usr/bin/rustc" "$@"
WRAPPER
chmod +x "$folder/rustc"
"$folder/rustc" -vV >/dev/null || fail "Debian's rustc-web does not run here"

source=$(echo "$folder"/usr/src/rustc-*)
cd "$source/library/sysroot"
flags=(
  -Zforce-unstable-if-unmarked -Cembed-bitcode=yes
  "--remap-path-prefix=$source=/rustc/debian"
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/rust/deps"
)
RUSTC=$folder/rustc RUSTC_BOOTSTRAP=1 \
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}") \
  "$CARGO" build --release --locked --target "$target" --target-dir "$work/target" >&2

libraries=$folder/lib/rustlib/$target/lib
mkdir -p "$libraries"
cp "$work/target/$target"/release/deps/*.rlib "$libraries/"
rm -rf "$folder/usr/src" "$folder/usr/share/doc"
