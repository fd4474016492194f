#!/usr/bin/env bash
# Runs the checks that every change must pass. Installs what they need, or says what to install.
#
#   ./ci.sh             all steps
#   ./ci.sh quick       the steps that need only Rust: format lints docs tests
#   ./ci.sh STEP...     these steps
#   ./ci.sh --list      the names of the steps
set -euo pipefail
cd "$(dirname "$0")"

# Steps look into `target`.
unset CARGO_TARGET_DIR
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
bare_target=thumbv7em-none-eabihf
wasm_target=wasm32-unknown-unknown
crates=(-p sse-proto -p sse-hub -p sse-hub-redis -p sse-source -p sse-actix -p sse-axum -p sse-rocket -p sse-warp)

steps=(format lints features docs tests redis races clients no-std linear fuzz bench dependencies packages api)
quick=(format lints docs tests)

# What a step needs besides Rust: `command:package` for Debian, `cargo:crate`, `component:name` or
# `target:name`.
needs() {
  case $1 in
    format) echo component:rustfmt ;;
    lints) echo component:clippy ;;
    features) echo component:clippy cargo:cargo-hack ;;
    redis) echo redis-server:redis-server ;;
    clients)
      echo chromium:chromium firefox-esr:firefox-esr nginx:nginx-light curl:curl node:nodejs npm:npm
      echo xvfb-run:xvfb xauth:xauth WebKitWebDriver:webkit2gtk-driver redis-server:redis-server
      # On Debian, `python3` comes without the modules that a venv needs.
      python3 -c 'import ensurepip' 2>/dev/null || echo no-python3-venv:python3-venv
      ;;
    no-std) echo "target:$bare_target target:$wasm_target" ;;
    linear) echo valgrind:valgrind ;;
    fuzz)
      echo component:clippy component:rustfmt c++:g++
      if cargo +nightly --version >/dev/null 2>&1; then echo cargo:cargo-fuzz; fi
      ;;
    bench | races) echo component:clippy component:rustfmt ;;
    dependencies) echo cargo:cargo-deny ;;
    api) if [ -n "$(last_release)" ]; then echo cargo:cargo-semver-checks; fi ;;
    *) ;;
  esac
}

last_release() { git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true; }

install() { # what the steps need
  local need packages=()
  for tool in cargo rustup; do
    command -v "$tool" >/dev/null || { echo "ci.sh needs \`$tool\`: install Rust with rustup" >&2; exit 1; }
  done
  for need in cc:gcc "$@"; do
    case $need in
      cargo:* | component:* | target:*) ;;
      *) command -v "${need%%:*}" >/dev/null || packages+=("${need#*:}") ;;
    esac
  done
  if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      apt-get update -q
      DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
    else
      echo "ci.sh needs these packages: ${packages[*]}; install them, or run it as root on Debian" >&2
      exit 1
    fi
  fi
  # The tools mostly start others, so they are not optimized.
  for need in "$@"; do
    case $need in
      cargo:*) command -v "${need#*:}" >/dev/null || cargo install --locked --debug "${need#*:}" ;;
      component:*) rustup component list --installed | grep -q "^${need#*:}" || rustup component add "${need#*:}" ;;
      target:*) rustup target list --installed | grep -qx "${need#*:}" || rustup target add "${need#*:}" ;;
    esac
  done
}

format() {
  cargo fmt --all --check
}

lints() {
  cargo clippy --workspace --all-features --all-targets -- -D warnings
  cargo clippy --workspace --all-features --test redis --test clients -- -D warnings
}

features() { # lints for each set of features
  cargo hack clippy "${crates[@]}" --feature-powerset --no-dev-deps -- -D warnings
}

docs() { # as docs.rs builds them
  # RUSTC_BOOTSTRAP enables a nightly feature on stable Rust. Only rustdoc gets it, since what the lints have checked
  # would be checked again.
  mkdir -p target
  printf '#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n' >target/rustdoc
  chmod +x target/rustdoc
  RUSTDOC=$PWD/target/rustdoc RUSTDOCFLAGS="--cfg docsrs -D warnings" cargo doc --workspace --all-features --no-deps
}

# The whole workspace each time: for some packages only, their dependencies would have other features,
# and would be built again.
tests() {
  cargo test --workspace --all-features
}

redis() { # a hub on real Redis servers
  cargo test --workspace --all-features --test redis
}

races() { # the hub under many interleavings, and with each of its twins, whose bug they must find
  local options=(--manifest-path races/Cargo.toml --target-dir target/shuttle) twin
  cargo fmt --manifest-path races/Cargo.toml --check
  cargo clippy "${options[@]}" --all-targets -- -D warnings
  cargo test "${options[@]}"
  for twin in $(grep -rhoP 'twin = "\K[a-z-]+' sse-hub/src | sort -u); do
    TWIN=$twin cargo test "${options[@]}" --no-run
    if TWIN=$twin ITERATIONS=300 cargo test "${options[@]}" >"target/shuttle/$twin.log" 2>&1; then
      echo "no test finds the bug of the twin \`$twin\`" >&2
      return 1
    fi
    echo "$twin: found by $(grep -c '^test .* FAILED$' "target/shuttle/$twin.log") of the tests"
  done
}

clients() { # real browsers, clients and a real proxy
  npm ci --prefix e2e --no-audit --no-fund
  python3 -m venv e2e/.venv
  e2e/.venv/bin/pip install -q --disable-pip-version-check --no-deps -r e2e/requirements.txt
  # They mostly wait.
  cargo test --workspace --all-features --test clients -- --test-threads=3
}

no-std() { # the codec's tests without `std`, a program that links without it, and the codec for browsers
  cargo test -p sse-proto --no-default-features --tests
  cargo build --manifest-path sse-core/no-std/Cargo.toml --target "$bare_target" --target-dir target/no-std
  cargo check -p sse-proto --features stream --target "$wasm_target" --target-dir target/no-std
}

linear() { # the codec takes linear time, measured in instructions
  cargo test -p sse-proto --release --test linear
}

fuzz() { # each target on its seeds and, with a nightly Rust, for a while
  cargo fmt --manifest-path fuzz/Cargo.toml --check
  cargo clippy --manifest-path fuzz/Cargo.toml -- -D warnings
  local seeds target
  if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "not fuzzing: run \`rustup toolchain install nightly\` first"
    cargo build --manifest-path fuzz/Cargo.toml
    for seeds in fuzz/seeds/*; do "fuzz/target/debug/$(basename "$seeds")" -verbosity=0 "$seeds"/*; done
    return
  fi
  for seeds in fuzz/seeds/*; do
    target=$(basename "$seeds")
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "$seeds" -- \
      -dict=fuzz/event-stream.dict -max_total_time=10 -verbosity=0 -print_final_stats=1 2>&1 | grep -v "# Uses: "
  done
}

bench() { # the benchmarks build
  cargo fmt --manifest-path bench/Cargo.toml --check
  # Checked beside the workspace, whose dependencies it shares, and without building jemalloc, since nothing is linked.
  mkdir -p target
  touch target/libjemalloc.a
  JEMALLOC_OVERRIDE=$PWD/target/libjemalloc.a \
    cargo clippy --manifest-path bench/Cargo.toml --target-dir target --all-targets -- -D warnings
}

dependencies() {
  cargo deny check licenses bans sources
  # The advisories are in a separate repository, which some networks cannot reach.
  if timeout 120 cargo deny fetch db 2>/dev/null; then
    cargo deny check --disable-fetch advisories
  else
    echo "cannot reach the advisory database: advisories were not checked"
  fi
}

packages() { # as they are published, with the oldest Rust and the oldest direct dependencies that they support
  rm -rf target/package
  cargo package --no-verify "${crates[@]}" --allow-dirty
  local package rust patches=(
    --config "patch.crates-io.sse-proto.path='$PWD/sse-core'"
    --config "patch.crates-io.sse-hub.path='$PWD/sse-hub'"
  )
  # Each package on its own and without its tests, since Rocket needs newer versions than others.
  for package in target/package/*.crate; do
    tar -xzf "$package" -C target/package
    package=${package%.crate}
    awk '/^\[/ { skip = /^\[dev-dependencies/ } !skip; END { print "[workspace]" }' "$package/Cargo.toml" >target/Cargo.toml
    mv target/Cargo.toml "$package/Cargo.toml"
    rm -f "$package/Cargo.lock"
    RUSTC_BOOTSTRAP=1 cargo -Zdirect-minimal-versions "${patches[@]}" generate-lockfile --manifest-path "$package/Cargo.toml"
    rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$package/Cargo.toml")
    echo "$(basename "$package") with Rust $rust"
    rustup run --install "$rust" cargo "${patches[@]}" check --all-features --manifest-path "$package/Cargo.toml" \
      --target-dir target/minimal
  done
}

api() { # compares the public API with the last release
  local release
  release=$(last_release)
  if [ -n "$release" ]; then
    cargo semver-checks "${crates[@]}" --baseline-rev "$release"
  else
    echo "there is no release to compare the public API with"
  fi
}

case ${1-} in
  --list) printf '%s\n' "${steps[@]}"; exit ;;
  "") chosen=("${steps[@]}") ;;
  quick) chosen=("${quick[@]}") ;;
  *) chosen=("$@") ;;
esac
for step in "${chosen[@]}"; do
  if [[ " ${steps[*]} " != *" $step "* ]]; then
    echo "ci.sh has no step \`$step\`; it has: ${steps[*]}" >&2
    exit 2
  fi
done
printf '\n\033[1m== what these steps need\033[0m\n'
# shellcheck disable=SC2046 # One word each.
install $(for step in "${chosen[@]}"; do needs "$step"; done | tr ' ' '\n' | sort -u)
for step in "${chosen[@]}"; do
  printf '\n\033[1m== %s\033[0m\n' "$step"
  start=$SECONDS
  "$step"
  took+=("$step $((SECONDS - start)) s")
done
printf '\n\033[1m== all passed\033[0m\n'
printf '%s\n' "${took[@]}"
