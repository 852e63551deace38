#!/usr/bin/env python3
"""usage: tests/support/sbom.py BILL

Finishes the bill of materials that cargo-cyclonedx wrote: takes the folder of the machine out, and names the C
libraries that are built in, by their own versions, so that who looks for advisories of OpenSSL finds OpenSSL. Then
holds it against cargo's own resolution: a package in one and not in the other fails.
"""

import json, os, re, subprocess, sys

TARGET = "x86_64-unknown-linux-gnu"


def metadata():
    asked = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    return json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)


def built(meta):
    """What is compiled for the program: name, version → package; dependencies of the tests alone are left out."""
    nodes = {node["id"]: node for node in meta["resolve"]["nodes"]}
    packages = {package["id"]: package for package in meta["packages"]}
    waiting, seen = [meta["resolve"]["root"]], set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        for dependency in nodes[node]["deps"]:
            if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return {(packages[i]["name"], packages[i]["version"]): packages[i] for i in seen}


def read(package, path):
    with open(os.path.join(os.path.dirname(package["manifest_path"]), path), encoding="utf-8") as file:
        return file.read()


def found(pattern, text):
    match = re.search(pattern, text)
    return match.groups() if match else sys.exit(f"sbom: {pattern!r} is not to be found")


def c_libraries(packages):
    """The C libraries inside the crates: (crate, name, version, licence, cpe without its version)."""
    by_name = {name: package for (name, _), package in packages.items()}
    (openssl,) = found(r"\+(.+)$", by_name["openssl-src"]["version"])
    (libpq,) = found(r"\+libpq-(.+)$", by_name["pq-src"]["version"])
    sqlite_crate, mimalloc_crate = by_name["libsqlite3-sys"], by_name["libmimalloc-sys"]
    (sqlite,) = found(r'#define SQLITE_VERSION +"([^"]+)"', read(sqlite_crate, "sqlite3/sqlite3.h"))
    header = read(mimalloc_crate, "c_src/mimalloc/v3/include/mimalloc.h")
    (major, minor, patch) = found(r"#define MI_MALLOC_VERSION +(\d+)(\d\d)(\d\d)\b", header)
    mimalloc = f"{major}.{int(minor)}.{int(patch)}"
    return [
        (by_name["openssl-src"], "OpenSSL", openssl, "Apache-2.0", "openssl:openssl"),
        (by_name["pq-src"], "PostgreSQL (libpq)", libpq, "PostgreSQL", "postgresql:postgresql"),
        (sqlite_crate, "SQLite", sqlite, "blessing", "sqlite:sqlite"),
        (mimalloc_crate, "mimalloc", mimalloc, "MIT", "microsoft:mimalloc"),
    ]


def main():
    path = sys.argv[1]
    with open(path, encoding="utf-8") as file:
        bill = json.loads(file.read().replace(f"path+file://{os.getcwd()}", "path+file:///itaku"))
    meta = metadata()
    packages = built(meta)
    there = {(c["name"], c["version"]) for c in bill["components"]}
    wanted = {key for key in packages if key[0] != "itaku"}
    for what, names in (("missing", wanted - there), ("not of the program", there - wanted)):
        if names:
            sys.exit(f"sbom: {what}: {', '.join(sorted(' '.join(n) for n in names))}")
    inside = c_libraries(packages)
    carriers = {crate["name"] for crate, *_ in inside}
    for component in bill["components"]:
        # The tool says of what is needed while building only that it is left out; these bring what is linked in.
        if component["name"] in carriers:
            component["scope"] = "required"
    for crate, name, version, licence, cpe in inside:
        bill["components"].append({
            "type": "library",
            "bom-ref": f"{crate['name']}@{crate['version']}#c",
            "name": name,
            "version": version,
            "scope": "required",
            "licenses": [{"license": {"id": licence}}],
            "cpe": f"cpe:2.3:a:{cpe}:{version}:*:*:*:*:*:*:*",
        })
    with open(path, "w", encoding="utf-8") as file:
        json.dump(bill, file, ensure_ascii=False, indent=2)
        file.write("\n")
    print(f"    {path}: {len(wanted)} packages, and " + ", ".join(f"{name} {version}" for _, name, version, *_ in inside))


main()
