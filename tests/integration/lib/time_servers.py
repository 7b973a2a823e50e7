#!/usr/bin/env python3
"""Time servers that misbehave, each on a UDP port of its own; prints "MODE PORT" lines and logs each question.

time_servers.py LOG MODE...
  silent     takes questions and never answers
  garbage    answers bytes of any kind
  forged     answers to questions that nobody asked (another origin)
  deny       kiss-o'-death DENY
  rate       kiss-o'-death RATE
  unsynced   says that it is not synchronised
  liar       serves a time one minute off, and says that it is exact"""
import os
import select
import socket
import struct
import sys
import time

EPOCH = 2208988800


def stamp(seconds):
    whole = int(seconds)
    return struct.pack("!II", (whole + EPOCH) & 0xFFFFFFFF, int((seconds - whole) * 2**32))


def answer(question, leap=0, stratum=2, reference=b"LOCL", offset=0.0, origin=None):
    now = stamp(time.time() + offset)
    head = struct.pack("!BBbbII", leap << 6 | 4 << 3 | 4, stratum, 6, -20, 0, 0)
    return head + reference + now + (origin or question[40:48]) + now + now


ANSWERS = {
    "silent": lambda q: None,
    "garbage": lambda q: os.urandom(os.urandom(1)[0]),
    "forged": lambda q: answer(q, origin=b"\1\2\3\4\5\6\7\10", offset=90),
    "deny": lambda q: answer(q, stratum=0, reference=b"DENY"),
    "rate": lambda q: answer(q, stratum=0, reference=b"RATE"),
    "unsynced": lambda q: answer(q, leap=3, stratum=16),
    "liar": lambda q: answer(q, offset=60),
}

log = open(sys.argv[1], "a", buffering=1)
servers = {}
for mode in sys.argv[2:]:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    servers[server] = mode
    print(mode, server.getsockname()[1], flush=True)
while True:
    for server in select.select(list(servers), [], [])[0]:
        question, peer = server.recvfrom(2048)
        mode = servers[server]
        print(mode, question.hex(), file=log)
        reply = ANSWERS[mode](question)
        if reply is not None:
            server.sendto(reply, peer)
