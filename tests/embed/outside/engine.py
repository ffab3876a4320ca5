"""The engine from Python, by ctypes: engine.py <libweir.so>"""
import ctypes as c
import json
import sys
import threading


class Text(c.Structure):
    _fields_ = [("data", c.c_char_p), ("size", c.c_size_t)]


def text(value):
    data = value.encode()
    return Text(data, len(data))


class Options(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("workers", c.c_uint32), ("listen", c.c_int32),
                ("pin_cpus", c.c_int32), ("data_dir", Text), ("admin_key", Text)]


class Request(c.Structure):
    _fields_ = [("struct_size", c.c_size_t)] + [(name, Text) for name in (
        "method", "target", "key", "request_id", "project_id", "space_id", "body")]


# A weir_text that comes by value is a pointer and a size.
HEAD = c.CFUNCTYPE(None, c.c_void_p, c.c_uint64, c.c_int, c.c_void_p, c.c_size_t)
BODY = c.CFUNCTYPE(None, c.c_void_p, c.c_uint64, c.c_void_p, c.c_size_t)
END = c.CFUNCTYPE(None, c.c_void_p, c.c_uint64, c.c_int)


class Events(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("head", HEAD), ("body", BODY), ("end", END)]


weir = c.CDLL(sys.argv[1])
weir.weir_version.restype = c.c_char_p
weir.weir_engine_create.restype = c.c_void_p
weir.weir_engine_submit.restype = c.c_uint64
print(weir.weir_version().decode())
config = {"providers": [{"name": "lo", "type": "loopback"}], "log": {"access": "off"},
          "models": [{"provider": "lo", "id": "echo", "alias": "chat"}]}
options = Options(struct_size=c.sizeof(Options), admin_key=text("my-own-key"))
engine = c.c_void_p(weir.weir_engine_create(text(json.dumps(config)), c.byref(options), None))
assert engine and weir.weir_engine_start(engine, None)
parts, ended = [], threading.Event()
events = Events(c.sizeof(Events), HEAD(lambda user, i, status, data, size: parts.append(status)),
                BODY(lambda user, i, data, size: parts.append(c.string_at(data, size))),
                END(lambda user, i, end: ended.set()))
question = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "good morning"}]})
request = Request(struct_size=c.sizeof(Request), target=text("/v1/chat/completions"),
                  key=text("my-own-key"), body=text(question))
assert weir.weir_engine_submit(engine, c.byref(request), c.byref(events), None)
ended.wait()
print(parts[0], json.loads(b"".join(parts[1:]))["choices"][0]["message"]["content"])
weir.weir_engine_stop(engine)
weir.weir_engine_free(engine)
