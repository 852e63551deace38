#!/usr/bin/env python3
"""The real files through the command line: every row accounted for, and a second run takes nothing.

usage: imports.py BINARY REAL_DATA_FOLDER

`itaku import … --json` prints one object: {"rows", "taken", "duplicates", "unchanged", "bad", "problems": [{"line", "column", "cause"}]};
`duplicates`, `joined` and `elsewhere` for contracts, `unchanged` for vendors. The files hold every agency's contracts, and none of
the agency that is made here: all of them are taken only by --all-agencies.
"""
import csv, glob, io, json, os, sys

from house import Client, Instance, Report, scratch

report = Report()


def rows_of(path, header):
    """Rows of a CSV file in UTF-8 or CP932, counted by Python's reader."""
    raw = open(path, "rb").read()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp932", "replace")
    return sum(1 for row in csv.reader(io.StringIO(text, newline="")) if row) - header


def numbers(report):
    return {k: v for k, v in report.items() if isinstance(v, int) and not isinstance(v, bool)}


def contracts(house, path):
    name, rows = os.path.basename(path), rows_of(path, header=1)
    own = json.loads(house.run("import", "contracts", path, "--agency", "T1", "--json"))
    report.check(f"{name}: no row is the agency's own", (own["taken"], own["bad"], own["elsewhere"], own["written"]) == (0, 0, rows, False), numbers(own))
    report.check(f"{name}: the other agencies are named with their rows", sum(one["rows"] for one in own["other_agencies"]) == rows, own["other_agencies"])
    call = ("import", "contracts", path, "--agency", "T1", "--skip-bad", "--all-agencies", "--json")
    tried = json.loads(house.run(*call, "--dry-run"))
    stored = house.run("export", "contracts", "--format", "json", "--agency", "T1")
    first = json.loads(house.run(*call))
    report.check(f"{name}: a dry run says what the run then does", numbers(tried) == numbers(first), (numbers(tried), numbers(first)))
    report.check(f"{name}: the dry run wrote nothing", stored == house.before, "the export changed")
    joined = joint(path)
    report.check(f"{name}: {joined} rows are of further parties of joint contracts", first["joined"] == joined, numbers(first))
    report.check(f"{name}: something is taken", first["taken"] > 0, numbers(first))
    report.check(f"{name}: taken + duplicates + joined + bad = its {rows} rows", first["taken"] + first["duplicates"] + first["joined"] + first["bad"] == rows == first["rows"], numbers(first))
    named = {p["line"] for p in first["problems"]}
    report.check(f"{name}: every bad row is named with line, column and cause", len(named) == first["bad"] and all(p["column"] and p["cause"] for p in first["problems"]), first["problems"][:3])
    if first["bad"]:
        before = house.run("export", "contracts", "--format", "json", "--agency", "T1")
        house.run("import", "contracts", path, "--agency", "T1", "--all-agencies", status=1)
        report.check(f"{name}: without --skip-bad it is refused whole", before == house.run("export", "contracts", "--format", "json", "--agency", "T1"))
    again = json.loads(house.run(*call))
    report.check(f"{name}: the second run takes none", again["taken"] == 0 and again["bad"] == first["bad"], numbers(again))
    house.before = house.run("export", "contracts", "--format", "json", "--agency", "T1")


def joint(path):
    """Rows beyond the first of each joint contract: alike in day, title, amount and department, with other parties named."""
    groups = {}
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["joint_signatures"].strip():
                key = tuple(row[name] for name in ("date_of_order", "title", "amount", "government_departments"))
                groups.setdefault(key, set()).add(row["corporate_number"])
    return sum(len(parties) - 1 for parties in groups.values())


def vendors(house, path):
    name, rows = os.path.basename(path), rows_of(path, header=0)
    first = json.loads(house.run("import", "vendors", path, "--json"))
    report.check(f"{name}: taken + unchanged + bad = its {rows} rows", first["taken"] + first["unchanged"] + first["bad"] == rows == first["rows"], numbers(first))
    report.check(f"{name}: every bad row is named", len({p["line"] for p in first["problems"]}) == first["bad"], first["problems"][:3])
    again = json.loads(house.run("import", "vendors", path, "--json"))
    report.check(f"{name}: the second run changes nothing", again["taken"] == 0, numbers(again))


def main():
    binary, data = sys.argv[1:]
    with scratch() as folder:
        house = Instance(binary, folder)
        admin = house.first_admin()
        server = house.serve()
        Client(server.base).login(admin).organization("agency", "試験局", code="T1")
        server.stop()
        house.before = house.run("export", "contracts", "--format", "json", "--agency", "T1")
        files = [(contracts, p) for p in sorted(glob.glob(os.path.join(data, "gbiz_procurement", "*.csv")))]
        files += [(vendors, p) for p in sorted(glob.glob(os.path.join(data, "nta_houjin", "diff_*.csv")))]
        report.check("the real files are there", len(files) == 5, [os.path.basename(p) for _, p in files])
        for job, path in files:
            with report.part(os.path.basename(path)):
                job(house, path)
        with report.part("holidays"):
            house.run("import", "holidays", os.path.join(data, "holidays", "syukujitsu.csv"))
            house.run("import", "holidays", os.path.join(data, "holidays", "syukujitsu.csv"))
            report.check("the Cabinet Office's holidays import twice", True)
        house.run("verify")
        report.check("the ledger verifies after all imports", True)
    report.end()


main()
