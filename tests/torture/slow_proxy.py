"""A TCP relay to a host that is far away: everything arrives so many milliseconds later, each way.

    slow_proxy.py HOST PORT MSEC

Prints its own port.
"""
import queue
import socket
import sys
import threading
import time

host, port, later = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) / 1000


def read(end, due):
    data = b"-"
    while data:
        try:
            data = end.recv(65536)
        except OSError:
            data = b""
        due.put((time.monotonic() + later, data))


def write(end, due):
    while True:
        at, data = due.get()
        time.sleep(max(0, at - time.monotonic()))
        try:
            end.sendall(data) if data else end.shutdown(socket.SHUT_WR)
        except OSError:
            data = b""
        if not data:
            return


def relay(client):
    try:
        server = socket.create_connection((host, port))
    except OSError:
        client.close()
        return
    writers = []
    for source, target in ((client, server), (server, client)):
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        due = queue.Queue()
        threading.Thread(target=read, args=(source, due), daemon=True).start()
        writers.append(threading.Thread(target=write, args=(target, due), daemon=True))
        writers[-1].start()
    for writer in writers:
        writer.join()
    client.close()
    server.close()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=relay, args=(connection,), daemon=True).start()
