"""For each rule of check.py, small trees (path -> text) that break it, and one that breaks none.

check.py --self-test proves by them that every rule fires, and that none fires without cause.
"""

LONG = "void f() {\n" + "  g();\n" * 71 + "}\n"
SAMPLES = (
    ("file_length", {"engine/base/a.cc": "\n" * 501}),
    ("function_length", {"engine/base/a.cc": f"namespace weir {{\n{LONG}}}\n"}),
    ("function_length", {"engine/base/a.h": "struct alignas(64) A {\n" + LONG + "};\n"}),
    ("columns", {"engine/base/a.cc": "int " + "x" * 100 + ";\n"}),
    ("include_direction", {"engine/route/a.cc": '#include "net/tcp.h"\n'}),
    ("include_direction", {"engine/route/a.cc": "#include <uv.h>\n"}),
    ("include_direction", {"adapters/x/x.cc": '#include "adapters/y/y.h"\n'}),
    ("uv_ownership", {"engine/proxy/a.cc": "void f() { uv_close(h, nullptr); }\n"}),
    ("uv_ownership", {"engine/proxy/a.cc": "void f() { uv_timer_init(l, h); }\n"}),
    ("atomics", {"engine/proxy/a.cc": "std::atomic<int> a;\n"}),
    ("unfinished_words", {"docs/a.md": "TODO: write\n"}),
    ("printing", {"engine/proxy/a.cc": 'void f() { std::fprintf(stderr, "x"); }\n'}),
    ("dead_comments", {"engine/base/a.cc": "// pool_release(pool, ex);\n"}),
    ("dead_comments", {"engine/base/a.cc": "/** */\nint a;\n"}),
    ("test_mirror", {"tests/unit/base/gone_test.cc": "int a;\n"}),
    ("dead_files", {"engine/base/a.h": "#pragma once\n",
                    "engine/base/a.cc": '#include "base/a.h"\n',
                    "tests/unit/base/a_test.cc": '#include "base/a.h"\n'}),
    ("doc_anchors", {"docs/a.md": "see base/a.cc:pool_take\n", "engine/base/a.cc": "int other;\n"}),
    ("outside_names", {"docs/a.md": "see /wor" + "k/shared/x\n"}),
    ("pragma_once", {"engine/base/a.h": "int a;\n", "engine/base/b.cc": '#include "base/a.h"\n'}),
)
CLEAN = {
    "engine/base/a.h": "#pragma once\nnamespace weir {\nint a_get();\n}\n",
    "engine/base/a.cc": '#include "base/a.h"\n// A word; uv_close(x) and std::atomic in prose.\n'
                        'namespace weir {\nconst int kTable[] = {\n' + "  1,\n" * 90 + "};\n"
                        'A::A() : a_{1}, b_(2) {}\nconst A kA{\n' + "  .a = f(1),\n" * 90 + "};\n"
                        'int a_get() { return kTable[0]; }\nconst char* b = "uv_close(";\n}\n',
    "engine/json/b.cc": '#include "base/a.h"\n#include <simdjson.h>\n',
    "tests/unit/base/a_test.cc": '#include "base/a.h"\n',
    "docs/a.md": "see base/a.cc:a_get\n",
}
