"""A TLS web server, a thread for each connection: tls_server.py PORT DIRECTORY CERT KEY

SIGTERM stops it in the ordinary way, all its threads joined, status 0.
"""
import functools
import http.server
import signal
import socketserver
import ssl
import sys
import threading


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = False
    request_queue_size = 1024

    def __init__(self, address, handler, context):
        super().__init__(address, handler)
        self.context = context

    def process_request_thread(self, request, client_address):
        """The handshake belongs to the connection's own thread."""
        try:
            request = self.context.wrap_socket(request, server_side=True)
        except OSError:
            self.shutdown_request(request)
            return
        super().process_request_thread(request, client_address)


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass


def main():
    port, directory, cert, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    handler = functools.partial(Handler, directory=directory)
    server = Server(("127.0.0.1", int(port)), handler, context)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    stop.wait()
    server.shutdown()
    serving.join()
    server.server_close()
    print("stopped")


main()
