#!/usr/bin/env python3
"""Which page of a manager's database is what, by SQLite's file format: one line a page,
  PAGE TABLE KIND FIRST LAST
where KIND is root, interior, leaf, overflow or free. FIRST and LAST are the rows on a leaf of a table with row numbers,
or the row that an overflow page belongs to (0 otherwise); COLUMN says which part of a segment's row it is by TABLE:
`segment` has the head, `body` the body. A root that holds rows itself is listed as root and as leaf. The manager must be
stopped, so that nothing stands in the log only.

  pages.py DATABASE
"""
import os
import sqlite3
import sys

path = sys.argv[1]
assert not os.path.exists(path + "-wal") or os.path.getsize(path + "-wal") == 0, "a log stands beside the database"
data = open(path, "rb").read()
size = int.from_bytes(data[16:18], "big")
usable = size - data[20]


def page(number):
    return data[(number - 1) * size:number * size]


def varint(bytes_, at):
    value = 0
    for i in range(9):
        value = value << 8 | bytes_[at + i] if i == 8 else value << 7 | bytes_[at + i] & 0x7f
        if i == 8 or bytes_[at + i] < 0x80:
            return value, at + i + 1


def tell(number, table, kind, first=0, last=0):
    print(number, table, kind, first, last)


def overflow(table, number, row):
    while number:
        tell(number, table, "overflow", row, row)
        number = int.from_bytes(page(number)[:4], "big")


def cells(bytes_, head):
    count = int.from_bytes(bytes_[head + 3:head + 5], "big")
    begin = head + (12 if bytes_[head] in (2, 5) else 8)
    return [int.from_bytes(bytes_[begin + 2 * i:begin + 2 * i + 2], "big") for i in range(count)]


def local_bytes(payload, most):
    if payload <= most:
        return payload, False
    least = (usable - 12) * 32 // 255 - 23
    rest = least + (payload - least) % (usable - 4)
    return (rest if rest <= most else least), True


def walk(table, number, root=True):
    bytes_ = page(number)
    head = 100 if number == 1 else 0
    kind = bytes_[head]
    rows = []
    if root:
        tell(number, table, "root")
    elif kind in (2, 5):
        tell(number, table, "interior")
    for cell in cells(bytes_, head):
        at = cell
        if kind in (2, 5):
            walk(table, int.from_bytes(bytes_[at:at + 4], "big"), False)
            at += 4
        if kind == 5:
            continue
        payload, at = varint(bytes_, at)
        row = 0
        if kind == 13:
            row, at = varint(bytes_, at)
            rows.append(row)
        held, more = local_bytes(payload, usable - 35 if kind == 13 else (usable - 12) * 64 // 255 - 23)
        if more:
            overflow(table, int.from_bytes(bytes_[at + held:at + held + 4], "big"), row)
    if kind in (2, 5):
        walk(table, int.from_bytes(bytes_[head + 8:head + 12], "big"), False)
    else:
        tell(number, table, "leaf", *(rows[0], rows[-1]) if rows else (0, 0))


def free_pages():
    number = int.from_bytes(data[32:36], "big")
    while number:
        tell(number, "-", "free")
        bytes_ = page(number)
        for i in range(int.from_bytes(bytes_[4:8], "big")):
            tell(int.from_bytes(bytes_[8 + 4 * i:12 + 4 * i], "big"), "-", "free")
        number = int.from_bytes(bytes_[:4], "big")


database = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
walk("sqlite_schema", 1)
for name, root_page in database.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").fetchall():
    walk(name, root_page)
free_pages()
