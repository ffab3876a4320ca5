#!/bin/sh
# Fails when the program $1 loads or names libuv, OpenSSL, SQLite, libcurl or (unless $2 is `yaml`)
# yaml-cpp, or lacks the engine's own code (then the test would prove nothing).
set -eu
program=$1
banned='uv_[a-z]|SSL_[a-z]|EVP_[A-Z]|RAND_[a-z]|sqlite3_[a-z]|curl_[a-z]'
libraries='uv|ssl|crypto|sqlite3|curl'
if [ "${2-}" != yaml ]; then
  banned="$banned|YAML::"
  libraries="$libraries|yaml-cpp"
fi
fail() { echo "core_alone: $1" >&2; exit 1; }

"$program"
nm --demangle "$program" | grep -q ' T weir::' || fail "no weir code was linked"
if nm --demangle --undefined-only "$program" | grep -E " U ($banned)"; then
  fail "the symbols above are not for the core"
fi
if ldd "$program" | grep -E "lib($libraries)\."; then
  fail "the libraries above are not for the core"
fi
