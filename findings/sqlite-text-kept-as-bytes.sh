#!/usr/bin/env bash
# SQLite 3.50.4, as built into apsw 3.50.4.0 (PyPI).
#
# Expected of `PRAGMA integrity_check`: it looks at each value's kind against its column (it says `NUMERIC value in t.state` of a
# number in a TEXT column), so bytes in a TEXT column are told as well.
# Seen: of bytes it says `ok`, and so does quick_check. Text and bytes of one length differ by a single bit in a row's
# header, so a file of which one bit is wrong is called whole, while a row in it reads like the text and is found by no
# comparison with it. Only a STRICT table refuses such a value.
# So: a check of such a file has to ask typeof() of every column itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.50.4.0
"$folder/venv/bin/python" - <<'P' || { echo "changed: see above" >&2; exit 1; }
import apsw
print("SQLite", apsw.sqlite_lib_version())
assert apsw.sqlite_lib_version() == "3.50.4"

def table(strict=""):
    db = apsw.Connection(":memory:")
    db.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT NOT NULL) {strict}; CREATE INDEX by_state ON t (state)")
    db.execute("INSERT INTO t VALUES (1, 'open'), (2, 'open')")
    return db

def check(db):
    return [row[0] for row in db.execute("PRAGMA integrity_check")]

number = table()
number.execute("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'TEXT', 'BLOB'); PRAGMA writable_schema = RESET")
number.execute("UPDATE t SET state = 7 WHERE id = 2; PRAGMA writable_schema = ON")
number.execute("UPDATE sqlite_schema SET sql = replace(sql, 'BLOB', 'TEXT'); PRAGMA writable_schema = RESET")
print("a number in a TEXT column:", check(number))
assert any("NUMERIC value in t.state" in line for line in check(number)), check(number)

bytes_ = table()
bytes_.execute("UPDATE t SET state = CAST(state AS BLOB) WHERE id = 2")
read = [row[0] for row in bytes_.execute("SELECT CAST(state AS TEXT) FROM t ORDER BY id")]
found = bytes_.execute("SELECT count(*) FROM t WHERE state = 'open'").fetchone()[0]
print("bytes in a TEXT column:", check(bytes_), "reads", read, "found by state = 'open':", found)
assert check(bytes_) == ["ok"] and read == ["open", "open"] and found == 1
assert bytes_.execute("PRAGMA quick_check").fetchone()[0] == "ok"

try:
    table("STRICT").execute("UPDATE t SET state = CAST(state AS BLOB) WHERE id = 2")
    raise AssertionError("a STRICT table took it")
except apsw.ConstraintError as error:
    print("a STRICT table:", error)
P
echo "as described"
