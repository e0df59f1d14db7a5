"""Do both servers answer the same? A status and a body for each URL, or what the check command prints."""
import hashlib
import http.client
import ssl
import threading
import time
import urllib.parse

import load
from options import DIFFER, Failure, LOAD_FAILED, SERVER_FAILED
from server import NAMES

FETCH_SECONDS = 30
LOADED_SECONDS = 5
CHECK_SECONDS = 120
PAUSE = 0.1


class Answer:
    """What came back for one URL, or from the check command."""

    def __init__(self, name, status, body, masks, port):
        self.name = name
        self.status = status
        # The port is not the same each time.
        body = body.replace(b":%d" % port, b":{port}")
        for mask in masks:
            body = mask.sub("", body.decode("latin-1")).encode("latin-1")
        self.body = body

    def equals(self, other):
        return (self.status, self.body) == (other.status, other.body)

    def digest(self):
        return hashlib.sha256(self.body).hexdigest()

    def told(self):
        return "%s, %d bytes, sha256 %s…" % (self.status, len(self.body), self.digest()[:12])

    def where_differs(self, other):
        if self.body == other.body:
            return ""
        least = min(len(self.body), len(other.body))
        at = next((i for i in range(least) if self.body[i] != other.body[i]), least)
        return "; they differ from byte %d: %r and %r" % (at, self.body[at:at + 24], other.body[at:at + 24])


def whole(answer, limit):
    """The body. One that never ends, as of a stream of events, is none."""
    end = time.monotonic() + limit
    parts = []
    while part := answer.read1(1 << 20):
        parts.append(part)
        if time.monotonic() > end:
            raise TimeoutError("the answer does not end within %d s" % limit)
    body = b"".join(parts)
    if answer.length:  # still to come: read1 does not complain
        raise http.client.IncompleteRead(body, answer.length)
    return body


def fetch(url, limit):
    """The status and the body, without following redirections. OSError or HTTPException if there is none."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=limit,
                                                 context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=limit)
    try:
        connection.request("GET", (parts.path or "/") + ("?" + parts.query if parts.query else ""),
                           headers={"Accept": "*/*", "Connection": "close"})
        answer = connection.getresponse()
        return "status %d" % answer.status, whole(answer, limit)
    finally:
        connection.close()


def fetched(asked, server, url, template, limit=FETCH_SECONDS):
    status, body = fetch(url, limit)
    return Answer("GET " + template, status, body, asked.mask, server.port)


def checked(asked, server):
    command = load.Command(asked, server, asked.check, asked.connections[0])
    out, err, status = command.finish(CHECK_SECONDS)
    if status != 0:
        raise load.failure_of("check", command, err, status, CHECK_SECONDS)
    if not out.strip():
        raise Failure(LOAD_FAILED, "the check command printed nothing to compare; it was: " + command.text)
    return Answer("check", "exit status 0", out, asked.mask, server.port)


def collect(asked, server):
    """All answers of a server that is up."""
    found = []
    if asked.check:
        found.append(checked(asked, server))
    if asked.by_url and (asked.url_given or not asked.check):
        for url, template in zip(server.urls, asked.url):
            try:
                found.append(fetched(asked, server, url, template))
            except (OSError, http.client.HTTPException) as error:
                server.check_alive("when it was asked for " + url)
                raise Failure(SERVER_FAILED, "%s the server did not answer GET %s: %s%s"
                              % (NAMES[server.mode], url, error or type(error).__name__, server.last_words())) from error
    return found


def compare(reference, found, mode):
    """Failure if a server's answers are not those that the native one gave first."""
    for first, other in zip(reference, found):
        if first.equals(other):
            continue
        if mode == "native":
            raise Failure(DIFFER, "natively the answers differ from one time to the next (%s: %s, then %s%s): choose another --url"
                          " or --check, or leave out what changes with --mask REGEX"
                          % (first.name, first.told(), other.told(), first.where_differs(other)))
        raise Failure(DIFFER, "the answers differ, so there is nothing to compare (%s: natively %s, under greenshim %s%s); if that"
                      " changes natively too, leave it out with --mask REGEX"
                      % (first.name, first.told(), other.told(), first.where_differs(other)))


class UnderLoad(threading.Thread):
    """Asks for the first URL again and again while the server is loaded. What does not come in time proves nothing."""

    def __init__(self, asked, server, reference):
        super().__init__(daemon=True)
        self.asked = asked
        self.server = server
        self.reference = next((one for one in reference if one.name.startswith("GET ")), None)
        self.over = threading.Event()
        self.compared = 0
        self.wrong = None

    def run(self):
        while self.reference and not self.wrong and not self.over.wait(PAUSE):
            try:
                found = fetched(self.asked, self.server, self.server.urls[0], self.asked.url[0], LOADED_SECONDS)
            except (OSError, http.client.HTTPException):
                continue
            # A server that is full may say so, natively too.
            if found.status == self.reference.status:
                self.compared += 1
                self.wrong = None if found.equals(self.reference) else found

    def end(self):
        self.over.set()
        self.join(LOADED_SECONDS)

    def check(self):
        if self.wrong:
            compare([self.reference], [self.wrong], self.server.mode)
