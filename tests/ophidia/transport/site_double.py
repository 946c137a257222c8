"""A site of make-believe: an HTTP server in a thread."""

import http.server
import json
import threading
from urllib.parse import parse_qs, urlsplit


class Site:
    """Answers by `answer`, a callable of path, header and content that gives status, header, body.

    Everything that was asked is in `asked`.
    """

    def __init__(self, answer):
        self.asked = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                self.reply(json.loads(self.rfile.read(length)))

            def do_GET(self):
                self.reply({k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()})

            def reply(self, content):
                site.asked.append((self.command, urlsplit(self.path).path, self.headers, content))
                made = answer(urlsplit(self.path).path, self.headers, content)
                if made is None:
                    return
                status, header, body = made
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **header}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    @property
    def url(self):
        return f"http://localhost:{self.port}/site"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def told(response, **more):
    """Return the answer of a site that carried a command out."""
    body = {"response": response.as_dict(), "jobid": response.jobid, "session": "", **more}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def problem(status, title, detail="", **header):
    """Return the answer of a site that refuses."""
    body = json.dumps({"title": title, "detail": detail, "status": status}).encode()
    return status, {"Content-Type": "application/problem+json", **header}, body
