#!/bin/sh
# Fails when the program $1 loads or names libuv, OpenSSL, SQLite, libcurl or yaml-cpp, or lacks
# the engine's own code (then the test would prove nothing).
set -eu
program=$1
banned='uv_[a-z]|SSL_[a-z]|EVP_[A-Z]|sqlite3_[a-z]|curl_[a-z]|YAML::'
fail() { echo "core_alone: $1" >&2; exit 1; }

"$program"
nm --demangle "$program" | grep -q ' T weir::' || fail "no weir code was linked"
if nm --demangle --undefined-only "$program" | grep -E " U ($banned)"; then
  fail "the symbols above are not for the core"
fi
if ldd "$program" | grep -E 'lib(uv|ssl|crypto|sqlite3|curl|yaml-cpp)\.'; then
  fail "the libraries above are not for the core"
fi
