#!/usr/bin/env python3
"""A reference clock for chronyd (its SOCK driver): says ten times a second that true time is the host's plus so many
seconds as stand in a file. So a real server serves an offset of our making, and no clock is set.

refclock.py OFFSET-FILE SOCKET..."""
import socket
import struct
import sys
import time

MAGIC = 0x534F434B  # chrony, refclock_sock.c: struct sock_sample
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
while True:
    with open(sys.argv[1]) as file:
        offset = float(file.read() or 0)
    now = time.time()
    sample = struct.pack("@qqdiiii", int(now), int(now % 1 * 1e6), offset, 0, 0, 0, MAGIC)
    for path in sys.argv[2:]:
        try:
            out.sendto(sample, path)
        except OSError:
            pass  # not there yet, or ended
    time.sleep(0.1)
