#!/usr/bin/env bash
# Everything that must hold before a change lands. Run it as it is: it installs what is missing, or says what to install.
set -euo pipefail
cd "$(dirname "$0")"

export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
bare_target=thumbv7em-none-eabihf
crates=(-p sse-proto -p sse-axum -p sse-rocket -p sse-warp)

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

missing=()
need() { # command, Debian package
  command -v "$1" >/dev/null || missing+=("$2")
}

step "what this needs"
need cc gcc
need c++ g++
need chromium chromium
need firefox-esr firefox-esr
need nginx nginx-light
need valgrind valgrind
need curl curl
need node nodejs
need npm npm
need xvfb-run xvfb
need xauth xauth
need WebKitWebDriver webkit2gtk-driver
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
  else
    echo "ci.sh needs these packages: ${missing[*]}; install them, or run it as root on Debian" >&2
    exit 1
  fi
fi
for tool in cargo rustup; do
  command -v "$tool" >/dev/null || { echo "ci.sh needs \`$tool\`: install Rust with rustup" >&2; exit 1; }
done
rustup component list --installed | grep -q '^clippy' || rustup component add clippy
rustup component list --installed | grep -q '^rustfmt' || rustup component add rustfmt
rustup target list --installed | grep -qx "$bare_target" || rustup target add "$bare_target"
for tool in cargo-deny cargo-hack; do
  command -v "$tool" >/dev/null || cargo install --locked "$tool"
done

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --all-features -- -D warnings

step "lints, each set of features"
cargo hack clippy "${crates[@]}" --feature-powerset --no-dev-deps -- -D warnings

step "documentation, as docs.rs builds it"
# It takes a nightly Rust for one feature of rustdoc, which a stable one has too if asked like this.
RUSTC_BOOTSTRAP=1 RUSTDOCFLAGS="--cfg docsrs -D warnings" \
  cargo doc --workspace --all-features --no-deps --target-dir target/docsrs

step "tests"
cargo test --workspace --exclude e2e --all-features

step "real clients and a real proxy"
npm ci --prefix e2e --no-audit --no-fund
# One after the other: several browsers at once on two cores are slower than that.
cargo test -p e2e -- --test-threads=1

step "tests of the codec without std"
cargo test -p sse-proto --no-default-features --tests

step "work that is linear in its input"
cargo test -p sse-proto --release --test linear

step "fuzz targets, on their seeds"
cargo fmt --manifest-path fuzz/Cargo.toml --check
cargo clippy --manifest-path fuzz/Cargo.toml -- -D warnings
cargo build --manifest-path fuzz/Cargo.toml
for seeds in fuzz/seeds/*; do "fuzz/target/debug/$(basename "$seeds")" -verbosity=0 "$seeds"/*; done

if cargo +nightly fuzz --version >/dev/null 2>&1; then
  for seeds in fuzz/seeds/*; do
    target=$(basename "$seeds")
    step "fuzzing $target for 30 seconds"
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "$seeds" -- \
      -dict=fuzz/event-stream.dict -max_total_time=30 -verbosity=0 -print_final_stats=1 2>&1 | grep -v "# Uses: "
  done
else
  echo "not fuzzing: that takes \`rustup toolchain install nightly\` and \`cargo install cargo-fuzz\`"
fi

step "the benchmarks build"
cargo fmt --manifest-path bench/Cargo.toml --check
cargo clippy --manifest-path bench/Cargo.toml -- -D warnings

step "a program without std links"
cargo build --manifest-path sse-core/no-std/Cargo.toml --target "$bare_target" --target-dir target/no-std

step "the oldest Rust that each crate supports"
CARGO_TARGET_DIR=target/msrv cargo hack check --workspace --rust-version --all-targets --all-features

step "dependencies"
cargo deny check licenses bans sources
# The advisories are a repository of their own, which not every network reaches; the other checks need no network.
if timeout 120 cargo deny fetch db 2>/dev/null; then
  cargo deny check --disable-fetch advisories
else
  echo "the advisory database cannot be reached from here: advisories were not checked"
fi

step "packages"
rm -rf target/package
cargo publish --dry-run "${crates[@]}" --allow-dirty

step "the oldest versions of direct dependencies"
# Each package by itself and without its tests, since Rocket asks for newer ones than the others.
for package in target/package/sse-*/; do
  awk '/^\[/ { skip = /^\[dev-dependencies/ } !skip; END { print "[workspace]" }' "$package/Cargo.toml" >target/Cargo.toml
  mv target/Cargo.toml "$package/Cargo.toml"
  rm -f "$package/Cargo.lock"
  core="patch.crates-io.sse-proto.path='$PWD/sse-core'"
  RUSTC_BOOTSTRAP=1 cargo -Zdirect-minimal-versions --config "$core" generate-lockfile --manifest-path "$package/Cargo.toml"
  cargo --config "$core" check --all-features --manifest-path "$package/Cargo.toml" --target-dir target/minimal
done

step "the public API, against the last release"
release=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -n "$release" ]; then
  command -v cargo-semver-checks >/dev/null || cargo install --locked cargo-semver-checks
  cargo semver-checks "${crates[@]}" --baseline-rev "$release"
else
  echo "there is no release yet to compare it with"
fi

step "all passed"
