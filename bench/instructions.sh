#!/usr/bin/env bash
# Prints how many instructions each decoder takes per byte in 16 KiB reads, as counted by callgrind.
set -euo pipefail
cd "$(dirname "$0")"

command -v valgrind >/dev/null || { echo "instructions.sh needs \`valgrind\`: install the package of that name" >&2; exit 1; }
cargo build --release --quiet
program=${CARGO_TARGET_DIR:-target}/release/sse-bench
decoders=(Decoder EventStream sse-core-decoder sse-core sse-stream sseer eventsource-stream)
corpora=(openai anthropic wikimedia tiny keepalive multiline big40k big1m korean openai_crlf)

count() { # decoder, corpus, passes
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" one "$1" "$2" 16-KiB "$3" 2>&1 >/dev/null |
    sed -n 's/.*Collected : //p'
}

printf '| |'; printf ' %s |' "${decoders[@]}"; printf '\n|---|'; printf -- '---:|%.0s' "${decoders[@]}"; echo
for corpus in "${corpora[@]}"; do
  bytes=$("$program" one Decoder "$corpus" 16-KiB 0)
  printf '| %s |' "$corpus"
  for decoder in "${decoders[@]}"; do
    # The difference leaves out the start of the program and the making of the corpus.
    one=$(count "$decoder" "$corpus" 1)
    three=$(count "$decoder" "$corpus" 3)
    awk -v n=$((three - one)) -v bytes=$((2 * bytes)) 'BEGIN { printf " %.2f |", n / bytes }'
  done
  echo
done
