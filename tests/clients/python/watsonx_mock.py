"""What IBM Cloud is to Weir in seed_script.py: IAM, Secrets Manager with one secret, watsonx.ai.

Serves on 127.0.0.1 from a thread of its own; counts the chats of each model.
"""
import base64
import collections
import http.server
import json
import threading
import time

MODELS = ["ibm/granite-3-8b-instruct", "meta-llama/llama-3-2-11b-vision-instruct",
          "meta-llama/llama-3-3-70b-instruct"]
KEYS = {"operators-key": "secrets", "watsonx-key": "models"}  # who may use which token
SECRET_ID = "66666666-7777-8888-9999-aaaaaaaaaaaa"
CRN = ("crn:v1:bluemix:public:secrets-manager:us-south:a/0123456789abcdef0123456789abcdef:"
       f"11111111-2222-3333-4444-555555555555:secret:{SECRET_ID}")
SPACE = "mock-space"


def token_of(scope):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    claims = {"scope": scope, "exp": time.time() + 3600}
    return ".".join([part({"alg": "RS256"}), part(claims), "x"])


TOKENS = {scope: token_of(scope) for scope in KEYS.values()}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def allowed(self, scope):
        return self.headers.get("Authorization") == f"Bearer {TOKENS[scope]}"

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == f"/api/v2/secrets/{SECRET_ID}":
            if not self.allowed("secrets"):
                return self.answer(401, {"errors": [{"message": "no such token"}]})
            url = self.server.url
            return self.answer(200, {"secret_type": "kv", "name": "watsonx", "data": {
                "apikey": "watsonx-key", "base_url": url, "auth_url": url + "/identity/token",
                "space_id": SPACE}})
        if path == "/ml/v1/foundation_model_specs":
            specs = [{"model_id": model, "provider": "Mock", "functions": [{"id": "text_chat"}]}
                     for model in MODELS]
            return self.answer(200, {"total_count": len(specs), "limit": 200, "resources": specs})
        return self.answer(404, {"errors": [{"code": "not_found", "message": path}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0]
        if path == "/identity/token":
            fields = dict(member.split("=", 1) for member in body.decode().split("&"))
            scope = KEYS.get(fields.get("apikey"))
            if scope is None:
                return self.answer(400, {"errorMessage": "Provided API key could not be found."})
            return self.answer(200, {"access_token": TOKENS[scope], "token_type": "Bearer",
                                     "expires_in": 3600, "expiration": int(time.time()) + 3600})
        chat = json.loads(body)
        if path != "/ml/v1/text/chat" or not self.allowed("models") or chat["space_id"] != SPACE:
            return self.answer(400, {"errors": [{"code": "refused", "message": path}]})
        with self.server.lock:
            self.server.chats[chat["model_id"]] += 1
        return self.answer(200, {
            "id": "chat-1", "model_id": chat["model_id"], "model": chat["model_id"],
            "created": int(time.time()), "created_at": "2026-01-01T00:00:00.000Z",
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": "A tram runs on rails."}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}})


def start(port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.url = f"http://127.0.0.1:{port}"
    server.lock = threading.Lock()
    server.chats = collections.Counter()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
