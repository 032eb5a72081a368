# Makes the standard library of wasm32-unknown-unknown for the compiler that is installed, from
# Debian's rust-src of exactly its version. Called as `bash -s -- FOLDER` with RUSTC, CARGO,
# RELEASE (1.95.0) and COMMIT in the environment; FOLDER becomes a sysroot.
#
# Needs a machine with apt and no root: lists and packages go to a folder that is removed at the
# end, and the system's own are not looked at but for the address of its mirror.
set -euo pipefail

folder=$1
target=wasm32-unknown-unknown
fail() { echo "$*" >&2; exit 1; }

for tool in apt-get apt-cache dpkg-deb; do
  command -v "$tool" >/dev/null || fail "this machine has no $tool"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/none"
: >"$work/status"

# The mirror that most of the machine's own package lists come from.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' |
  sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
[ -n "$mirror" ] || fail "apt is configured without a Debian mirror"

apt() {
  local program=$1
  shift
  "$program" -qq \
    -o Dir::Etc::SourceList="$work/sources" -o Dir::Etc::SourceParts="$work/none" \
    -o Dir::Etc::Preferences="$work/none/x" -o Dir::Etc::PreferencesParts="$work/none" \
    -o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" \
    -o Dir::Cache="$work" -o APT::Sandbox::User= -o Acquire::Languages=none \
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

version=
for suite in trixie-backports trixie sid; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
    >"$work/sources"
  apt apt-get update >&2 || continue
  version=$(apt apt-cache madison rust-src | awk -F'|' -v wanted="$RELEASE+" \
    '{ gsub(/ /, "", $2) } index($2, wanted) == 1 { print $2; exit }')
  [ -z "$version" ] || break
done
[ -n "$version" ] || fail "Debian has no rust-src $RELEASE"

cd "$work"
apt apt-get download "rust-src=$version" >&2
dpkg-deb --fsys-tarfile rust-src_*.deb | tar -x --wildcards './usr/src/rustc-*/library/*'

source=$(echo "$work"/usr/src/rustc-*)
cd "$source/library/sysroot"
# Names instead of this machine's paths; and what only the compiler's own authors may switch on,
# which this stands in for.
flags=(
  -Zforce-unstable-if-unmarked -Cembed-bitcode=yes
  "--remap-path-prefix=$source=/rustc/$COMMIT"
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/rust/deps"
)
RUSTC_BOOTSTRAP=1 CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}") \
  "$CARGO" build --release --locked --target "$target" --target-dir "$work/target" >&2

libraries=$folder/lib/rustlib/$target/lib
mkdir -p "$libraries"
cp "$work/target/$target"/release/deps/*.rlib "$libraries/"
