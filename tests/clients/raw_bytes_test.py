"""What the SDKs do not show: the bytes of answers, with the standard library's HTTP client.

Run by tests/clients/run, which gives WEIR_URL and WEIR_KEY.
"""
import http.client
import json
import os
import socket
import unittest
import urllib.parse

HOST, PORT = urllib.parse.urlsplit(os.environ["WEIR_URL"]).netloc.split(":")
KEY = {"Authorization": "Bearer " + os.environ["WEIR_KEY"]}
CHAT = {"model": "local-chat", "messages": [{"role": "user", "content": "good morning river"}]}


def connect():
    return http.client.HTTPConnection(HOST, int(PORT), timeout=20)


def raw_exchange(data):
    """Sends bytes and reads until the server closes."""
    with socket.create_connection((HOST, int(PORT)), timeout=20) as peer:
        peer.sendall(data)
        answer = b""
        while piece := peer.recv(65536):
            answer += piece
        return answer


class RawBytes(unittest.TestCase):
    def setUp(self):
        self.peer = connect()
        self.addCleanup(self.peer.close)

    def ask(self, method, path, body=None, headers=KEY, **more):
        self.peer.request(method, path, body, headers, **more)
        answer = self.peer.getresponse()
        return answer, answer.read()

    def test_one_connection_serves_many_requests(self):
        self.peer.connect()
        first = self.peer.sock
        for _ in range(20):
            answer, body = self.ask("POST", "/v1/chat/completions", json.dumps(CHAT))
            self.assertEqual(answer.status, 200)
            self.assertEqual(int(answer.getheader("content-length")), len(body))
            self.assertEqual(answer.getheader("content-type"), "application/json")
            self.assertIs(self.peer.sock, first)

    def test_stream_is_whole_events(self):
        answer, body = self.ask("POST", "/v1/chat/completions", json.dumps(CHAT | {"stream": True}))
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.getheader("content-type").startswith("text/event-stream"))
        events = body.decode().split("\n\n")
        self.assertEqual(events.pop(), "")
        self.assertEqual(events.pop(), "data: [DONE]")
        for event in events:
            self.assertTrue(event.startswith("data: "), event)
            json.loads(event.removeprefix("data: "))

    def test_chunked_request(self):
        pieces = [piece.encode() for piece in json.dumps(CHAT)]
        answer, body = self.ask("POST", "/v1/chat/completions", iter(pieces), encode_chunked=True)
        self.assertEqual(answer.status, 200, body)

    def test_head_has_no_body(self):
        answer, body = self.ask("HEAD", "/v1/models")
        self.assertEqual((answer.status, body), (200, b""))
        answer, body = self.ask("GET", "/v1/models")
        self.assertEqual(answer.status, 200)
        self.assertTrue(json.loads(body)["data"])

    def test_wrong_method_names_the_right_one(self):
        answer, body = self.ask("GET", "/v1/chat/completions")
        self.assertEqual((answer.status, answer.getheader("allow")), (405, "POST"), body)

    def test_unknown_path(self):
        self.assertEqual(self.ask("GET", "/v1/Models")[0].status, 404)
        self.assertEqual(self.ask("GET", "/v1/models/%2e%2e/models")[0].status, 404)
        self.assertEqual(self.ask("GET", "/nothing", headers={})[0].status, 401)

    def test_model_id_is_percent_decoded(self):
        answer, body = self.ask("GET", "/v1/models/lakes%2Friver")
        self.assertEqual(answer.status, 200, body)
        self.assertEqual(json.loads(body)["id"], "lakes/river")

    def test_bodies_that_are_not_json(self):
        wrong = [b"", b"{", b"[]", b"null", b'{"model":"local-chat"} x', b"\xff\xfe{}",
                 b'{"model":"local-chat","model":"mock-chat","messages":[]}',
                 b'{"model":"local-chat","messages":[{"role":"user","content":"\xc3("}]}',
                 b"[" * 100000]
        for body in wrong:
            answer, text = self.ask("POST", "/v1/chat/completions", body)
            self.assertEqual(answer.status, 400, body[:40])
            error = json.loads(text)["error"]
            self.assertEqual(error["type"], "invalid_request_error")

    def test_connection_close_is_honoured(self):
        answer, _ = self.ask("GET", "/v1/models", headers=KEY | {"Connection": "close"})
        self.assertEqual(answer.getheader("connection"), "close")
        self.assertIsNone(self.peer.sock)

    def test_expect_continue(self):
        body = json.dumps(CHAT).encode()
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}\r\n"
                f"Authorization: {KEY['Authorization']}\r\nContent-Length: {len(body)}\r\n"
                "Expect: 100-continue\r\nConnection: close\r\n\r\n").encode()
        with socket.create_connection((HOST, int(PORT)), timeout=20) as peer:
            peer.sendall(head)
            self.assertEqual(peer.recv(65536), b"HTTP/1.1 100 Continue\r\n\r\n")
            peer.sendall(body)
            self.assertTrue(peer.recv(65536).startswith(b"HTTP/1.1 200 "))

    def test_http_1_0(self):
        body = json.dumps(CHAT | {"stream": True}).encode()
        answer = raw_exchange(b"POST /v1/chat/completions HTTP/1.0\r\nAuthorization: %s\r\n"
                              b"Content-Length: %d\r\n\r\n%s"
                              % (KEY["Authorization"].encode(), len(body), body))
        head, _, text = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertNotIn(b"transfer-encoding", head.lower())
        self.assertTrue(text.endswith(b"data: [DONE]\n\n"))

    def test_pipeline_in_order(self):
        def request(word, last):
            body = json.dumps(CHAT | {"messages": [{"role": "user", "content": word}]}).encode()
            close = b"Connection: close\r\n" if last else b""
            return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\nAuthorization: %s\r\n"
                    b"%sContent-Length: %d\r\n\r\n%s"
                    % (KEY["Authorization"].encode(), close, len(body), body))
        words = [f"river-{i}" for i in range(30)]
        answer = raw_exchange(b"".join(request(word, word == words[-1]) for word in words))
        places = [answer.find(b'"' + word.encode()) for word in words]
        self.assertNotIn(-1, places)
        self.assertEqual(places, sorted(places))
        self.assertEqual(answer.count(b"HTTP/1.1 200 "), len(words))

    def test_no_hop_by_hop_or_server_fields(self):
        body = json.dumps(CHAT | {"model": "mock-chat"})
        answer, _ = self.ask("POST", "/v1/chat/completions", body)
        names = {name.lower() for name, _ in answer.getheaders()}
        self.assertTrue({"content-type", "x-request-id", "date"} <= names)
        unwanted = {"server", "set-cookie", "x-mock-name", "access-control-allow-origin"}
        self.assertFalse(names & unwanted)


if __name__ == "__main__":
    unittest.main()
