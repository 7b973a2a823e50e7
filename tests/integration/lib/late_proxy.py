"""A TCP relay that can hold back what a client says.

    late_proxy.py HOST PORT FOLDER

Prints its own port. A connection that comes while FOLDER/hold exists gets the server's first answer, but what its client
says after that waits until FOLDER/release exists, also when the client is gone by then. FOLDER/held appears when there
is something that waits. Everything else is passed on as it comes.
"""
import os
import select
import socket
import sys
import threading
import time

host, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def there(name):
    return os.path.exists(os.path.join(folder, name))


def wait_for_release():
    open(os.path.join(folder, "held"), "w").close()
    while not there("release"):
        time.sleep(0.02)


def relay(client, held):
    server = socket.create_connection((host, port))
    answered = waited = False
    ends = {client: server, server: client}
    while ends:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(65536)
            answered = answered or end is server
            if end is client and held and answered and not waited:
                wait_for_release()
                waited = True
            if not data:
                del ends[end]
            try:
                ends_of = server if end is client else client
                ends_of.sendall(data) if data else ends_of.shutdown(socket.SHUT_WR)
            except OSError:
                if end is server:
                    continue  # the client is gone; what it said before still goes to the server
                ends.clear()
    client.close()
    server.close()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=relay, args=(connection, there("hold")), daemon=True).start()
