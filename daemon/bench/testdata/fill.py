"""fill.py DB COUNT: makes the table of codes from lines "hex-tag board lock" on standard input, and COUNT random ones."""
import os
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("pragma journal_mode=wal")
db.execute("pragma synchronous=full")
db.execute("create table codes(tag blob primary key, board int, lock int, uses int, used int, id text, ref text, not_after text) without rowid")
db.execute("create table events(seq integer primary key, at real, type text, board int, lock int)")
db.execute("begin")
for line in sys.stdin:
    tag, board, lock = line.split()
    db.execute("insert into codes values (?, ?, ?, 0, 0, 'c', 'r', '2030')", (bytes.fromhex(tag), int(board), int(lock)))
for i in range(int(sys.argv[2])):
    db.execute("insert into codes values (?, 1, 1, 1, 0, ?, 'REQ0012345', '2030-01-01T00:00:00.000Z')", (os.urandom(16), "c-%08d" % i))
db.execute("commit")
