#!/usr/bin/env bash
# cargo-cyclonedx 0.5.9 (crates.io), on a crate with OpenSSL built in (openssl-sys 0.9.118, feature `vendored`).
#
# Expected of a bill of materials: what is linked into the program is listed as part of it, and with SOURCE_DATE_EPOCH the same
# sources give the same bytes.
# Seen: openssl-src, which is nothing but OpenSSL's C sources and ends in the program as libssl and libcrypto, is
# `"scope": "excluded"` — by CycloneDX 1.5 what is used by the component but not reachable in it — because cargo names it a
# dependency of a build script; `--no-build-deps` leaves it out of the list altogether. No component is called openssl with OpenSSL's
# own version. And the folder of the machine stands in `bom-ref`, so two checkouts of the same sources give different bills.
# So: who reads only what is `required`, or who asks for no build dependencies, is told that a program with OpenSSL 3.6.3 in it has no OpenSSL.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { printf 'changed: %s\n' "$*" >&2; exit 1; }

cargo install --quiet --locked --debug --root "$folder/tool" --target-dir "$folder/build" --version 0.5.9 cargo-cyclonedx
export PATH="$folder/tool/bin:$PATH" SOURCE_DATE_EPOCH=1700000000

# The optional openssl-src only holds the lock file to this version.
for place in one two; do
  mkdir -p "$folder/$place/src"
  printf '[package]\nname = "bill"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nopenssl-sys = { version = "=0.9.118", features = ["vendored"] }\nopenssl-src = { version = "=300.6.1", optional = true }\n' >"$folder/$place/Cargo.toml"
  printf 'fn main() {}\n' >"$folder/$place/src/main.rs"
  [ ! -f "$folder/one/Cargo.lock" ] || cp "$folder/one/Cargo.lock" "$folder/$place/Cargo.lock"
  (cd "$folder/$place" && cargo generate-lockfile --quiet && cargo cyclonedx --quiet --format json --spec-version 1.5 --target x86_64-unknown-linux-gnu --override-filename bill)
done
(cd "$folder/one" && cargo cyclonedx --quiet --no-build-deps --format json --spec-version 1.5 --target x86_64-unknown-linux-gnu --override-filename runtime)

python3 - "$folder" <<'P' || fail "see above"
import json, sys
folder = sys.argv[1]
bills = {name: json.load(open(f"{folder}/{name}.json")) for name in ("one/bill", "two/bill", "one/runtime")}
scopes = {c["name"]: c.get("scope") for c in bills["one/bill"]["components"]}
print("scopes:", scopes)
assert scopes.get("openssl-sys") == "required", scopes
assert scopes.get("openssl-src") == "excluded", scopes
assert "openssl" not in {name.lower() for name in scopes}, scopes
runtime = {c["name"] for c in bills["one/runtime"]["components"]}
print("with --no-build-deps:", sorted(runtime))
assert "openssl-sys" in runtime and "openssl-src" not in runtime, runtime
root = [bills[name]["metadata"]["component"]["bom-ref"] for name in ("one/bill", "two/bill")]
print("bom-ref:", *root)
assert root[0] != root[1] and all(folder in ref for ref in root), root
P
echo "as described"
