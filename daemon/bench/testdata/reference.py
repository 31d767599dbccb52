"""The job of a scan the plain way: pyserial, sqlite3 in WAL mode with full sync.

reference.py DB SCANNER BUS  -- prints "ready", then opens the door of each code
The codes stand in the table codes(tag, door, uses, used), as the bank's do; like most
such scripts it keeps them in a dict, which it fills at its start.
"""
import hashlib
import sqlite3
import sys
import time

import serial

db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("pragma journal_mode=wal")
db.execute("pragma synchronous=full")
cache = {tag: (board, lock) for tag, board, lock in db.execute("select tag, board, lock from codes")}
scanner = serial.Serial(sys.argv[2], 9600)
bus = serial.Serial(sys.argv[3], 9600)
print("ready", flush=True)
while True:
    text = scanner.read_until(b"\r")[:-1]
    tag = hashlib.sha256(b"lockerd code v1\0lon-042\0" + text).digest()[:16]
    door = cache.get(tag)
    if door is None:
        continue
    db.execute("begin immediate")
    db.execute("update codes set used = used + 1 where tag = ?", (tag,))
    db.execute("insert into events(at, type, board, lock) values (?, 'code.accepted', ?, ?)", (time.time(), *door))
    db.execute("commit")
    frame = bytes([0x8A, door[0], door[1], 0x11])
    x = 0
    for b in frame:
        x ^= b
    bus.write(frame + bytes([x]))
