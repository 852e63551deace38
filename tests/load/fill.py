"""Fills a SQLite database with contracts and their chains by copying those that the API made.

Knows nothing of the schema but what the database itself says: every row that hangs on a model contract is copied,
identifiers are replaced throughout, whatever a unique index would refuse is made different. The ledger's hashes are
copied, so such a database does not verify; it is for measuring only.
"""
import collections, os, re, sqlite3, time

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def uuid7(millis):
    r = bytearray(millis.to_bytes(6, "big") + os.urandom(10))
    r[6], r[8] = 0x70 | r[6] & 0x0F, 0x80 | r[8] & 0x3F
    h = r.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


class Table:
    def __init__(self, db, name):
        info = db.execute(f'PRAGMA table_xinfo("{name}")').fetchall()
        self.name, self.columns = name, [c[1] for c in info if c[6] == 0]
        keys = [c for c in info if c[5]]
        self.rowid = keys[0][1] if len(keys) == 1 and keys[0][2].upper() in ("INTEGER", "BIGINT") else None
        self.parents = {f[3]: (f[2], f[4] or "id") for f in db.execute(f'PRAGMA foreign_key_list("{name}")')}
        self.unique = [[c[2] for c in db.execute(f'PRAGMA index_info("{i[1]}")')] for i in db.execute(f'PRAGMA index_list("{name}")') if i[2]]
        if self.rowid and [self.rowid] not in self.unique:
            self.unique.append([self.rowid])
        self.rows = [dict(zip(self.columns, r)) for r in db.execute("SELECT " + ", ".join(f'"{c}"' for c in self.columns) + f' FROM "{name}"')]
        self.top = max((r[self.rowid] for r in self.rows), default=0) if self.rowid else 0


def hanging_on(tables, contract):
    """The rows that name the contract, or something that does, and the identifiers that are theirs."""
    own, taken, grew = {contract}, collections.defaultdict(dict), True
    while grew:
        grew = False
        for t in tables:
            for n, row in enumerate(t.rows):
                if n not in taken[t.name] and any(isinstance(v, str) and v in own for v in row.values()):
                    taken[t.name][n], grew = row, True
                    if isinstance(row.get("id"), str):
                        own.add(row["id"])
    return [(t, row) for t in tables for row in taken[t.name].values()], own


def fill(path, models, wanted):
    """Copies the contracts in `models` until the database holds `wanted`; returns their ids, new and old."""
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -400000"):
        db.execute(f"PRAGMA {pragma}")
    names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'")]
    tables = [Table(db, n) for n in names]
    have = len(next(t for t in tables if t.name == "contracts").rows)
    sets = [hanging_on(tables, m) for m in models]
    insert = {t.name: f'INSERT INTO "{t.name}" ({", ".join(chr(34) + c + chr(34) for c in t.columns)}) VALUES ({", ".join("?" * len(t.columns))})' for t in tables}
    made, start = list(models), int(time.time() * 1000) - 86_400_000
    batch = collections.defaultdict(list)
    db.execute("BEGIN")
    for n in range(wanted - have):
        rows, own = sets[n % len(models)]
        ids = {old: uuid7(start + n) for old in own}
        numbers = {}
        for t, row in rows:
            if t.rowid:
                t.top += 1
                numbers[(t.name, row[t.rowid])] = t.top
        for t, row in rows:
            new = {}
            for c, v in row.items():
                if c == t.rowid:
                    v = numbers[(t.name, v)]
                elif c in t.parents and (t.parents[c][0], v) in numbers:
                    v = numbers[(t.parents[c][0], v)]
                elif isinstance(v, str) and len(v) >= 36:
                    v = ids.get(v) or UUID.sub(lambda m: ids.get(m[0], m[0]), v)
                new[c] = v
            for index in t.unique:
                if any(new[c] is None for c in index) or any(new[c] != row[c] for c in index):
                    continue
                c = next((c for c in reversed(index) if c not in t.parents and not c.endswith("_id")), index[-1])
                v = new[c]
                new[c] = os.urandom(len(v)) if isinstance(v, bytes) else v + n + 1_000_000 if isinstance(v, int) else os.urandom(32).hex() if re.fullmatch("[0-9a-f]{64}", v) else f"{v}-{n + have}"
            batch[t.name].append(tuple(new.values()))
        made.append(ids[models[n % len(models)]])
        if n % 1000 == 999:
            flush(db, insert, batch)
    flush(db, insert, batch)
    db.execute("COMMIT")
    db.execute("ANALYZE")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return made


def flush(db, insert, batch):
    for name, rows in batch.items():
        db.executemany(insert[name], rows)
    batch.clear()
