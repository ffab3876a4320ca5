#!/usr/bin/env python3
"""Checks the rules of the code that a compiler does not: tools/lint/check.py [--self-test]

Each rule is a function over the whole tree (path -> text) that yields (path, line, message); RULES
lists them. --self-test proves on the trees of samples.py that each one fires.
"""
import pathlib
import re
import sys

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_COLUMNS = 500, 70, 100
FOLDERS = ("engine", "adapters", "tools", "tests", "fuzz", "bench", "docs", "cmake", ".ci")
DATA = ("tests/golden/", "fuzz/corpus/", "node_modules/", ".venv/", "__pycache__/")
SUFFIXES = {".cc", ".h", ".c", ".py", ".sh", ".mjs", ".js", ".md", ".cmake", ".txt", ".yaml", ""}
CODE = (".cc", ".h", ".c")

# Who may include what. A path belongs to the first layer whose prefix it has; an include is allowed
# when it starts with one of the layer's entries. Angle-bracket <weir/...> counts as "weir/".
LAYERS = (
    ("engine/include/weir/", ("weir/",)),
    ("engine/base/", ("weir/", "base/")),
    ("engine/json/", ("weir/", "base/", "json/")),
    ("engine/http/", ("weir/", "base/", "http/")),
    ("engine/jwt/", ("weir/", "base/", "json/", "jwt/")),
    ("engine/limit/", ("weir/", "base/", "limit/")),
    ("engine/route/", ("weir/", "base/", "limit/", "route/")),
    # A provider's record says where to dial; the network reads it and nothing else of routing.
    ("engine/net/", ("weir/", "base/", "net/", "route/target.h")),
    ("engine/link/", ("weir/", "base/", "route/", "link/")),
    # What a null member of an adapter's table stands for is shared code of the adapters.
    ("engine/proxy/", ("weir/", "base/", "json/", "http/", "limit/", "jwt/", "route/", "link/",
                       "net/", "proxy/", "adapters/common/openai_",
                       "adapters/common/json_walk.h")),
    # The type that says what kind of address a host is; the function comes as a pointer.
    ("engine/control/config_check.h", ("weir/", "base/", "control/", "net/address.h")),
    ("engine/control/outbound.cc", ("weir/", "base/", "control/", "net/address.h")),
    ("engine/control/", ("weir/", "base/", "json/", "jwt/", "limit/", "route/", "link/",
                         "control/")),
    ("engine/decide/", ("weir/", "base/", "json/", "limit/", "route/", "link/", "control/",
                        "decide/")),
    ("engine/embed/", ("weir/", "base/", "json/", "http/", "route/", "link/", "net/", "proxy/",
                       "control/", "embed/", "adapters/registry.h",
                       "adapters/common/openai_models.h", "adapters/common/openai_request.h")),
    ("adapters/registry.", ("weir/", "base/", "adapters/")),
    ("adapters/", ("weir/", "base/", "json/", "http/sse.h", "http/write.h", "route/target.h",
                   "adapters/")),
)
# Third-party headers and the only places that may include them.
EXTERNAL = (
    (r"uv\.h$", r"engine/(net|proxy|embed)/"),
    (r"openssl/", r"engine/(jwt|net|control|embed)/|engine/proxy/(auth|cache_use)\.cc"
                  r"|adapters/bedrock/sigv4\.cc"),
    (r"sqlite3\.h$", r"engine/control/"),
    (r"curl/", r"engine/control/"),
    (r"yaml-cpp/", r"engine/control/config_yaml\."),
    (r"simdjson", r"engine/json/"),
    (r"llhttp", r"engine/http/"),
)
# Tests that run every adapter through its table and mirror no single file.
WHOLE_FOLDER_TESTS = ("adapters/golden", "adapters/recorded")
UV_OWNERS = re.compile(r"engine/(net/|embed/worker_thread\.cc$)")
ATOMIC_OWNERS = re.compile(
    r"engine/(base/(mailbox|ring)\.h$|(route|limit|link)/|control/metrics|proxy/worker"
    r"|embed/worker_)")
PRINT_OWNERS = re.compile(r"engine/base/(check|log)\.cc$")


def stripped(text):
    """The code with comments and literals blanked, line for line."""
    def blank(match):
        kept = '""' if match.group().startswith(('"', "R")) else " "
        return kept + "\n" * match.group().count("\n")
    return re.sub(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                  r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", blank, text, flags=re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def matches(tree, pattern, where, raw=False):
    for path, text in tree.items():
        if where(path):
            text = text if raw else stripped(text)
            for found in re.finditer(pattern, text, re.M):
                yield path, line_of(text, found.start()), found


def in_engine(path):
    return path.startswith(("engine/", "adapters/")) and path.endswith(CODE)


def includes(path, text):
    for found in re.finditer(r'^\s*#\s*include\s*([<"])([^>"]+)', text, re.M):
        yield line_of(text, found.start()), found.group(1), found.group(2)


def file_length(tree):
    for path, text in tree.items():
        if path.endswith(CODE + (".py",)) and text.count("\n") > MAX_FILE_LINES:
            yield path, MAX_FILE_LINES, f"{text.count(chr(10))} lines, at most {MAX_FILE_LINES}"


def function_length(tree):
    for path, text in tree.items():
        if path.endswith(CODE):
            for line, length in functions(stripped(text)):
                if length > MAX_FUNCTION_LINES:
                    yield path, line, f"function of {length} lines, at most {MAX_FUNCTION_LINES}"


def functions(code):
    """(first line, length) of each block that is not a namespace, a type or an initialiser."""
    code = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group().count("\n"), code,
                  flags=re.M)
    stack, head = [], 0
    for found in re.finditer(r"[{};]", code):
        at = found.start()
        text = code[head:at].strip()
        if found.group() == "{":
            outer = all(kind in ("space", "type") for kind, _ in stack)
            if re.search(r'\bnamespace\b|\bextern ""$', text):
                kind = "space"
            elif re.search(r"\b(class|struct|union|enum)\b[^()=]*$", text):
                kind = "type"
            elif not outer or (text and ")" not in text) or text.endswith("="):
                kind = "block"
            else:
                kind = "function"
            begin = line_of(code, at - len(code[head:at].lstrip()))
            stack.append((kind, begin))
        elif found.group() == "}" and stack:
            kind, begin = stack.pop()
            if kind == "function":
                yield begin, line_of(code, at) - begin + 1
        head = at + 1


def columns(tree):
    for path, text in tree.items():
        if path.endswith((".md", ".txt", ".yaml", ".js", ".mjs")) and "CMakeLists" not in path:
            continue
        # Test data may stand in raw strings as it is.
        text = re.sub(r'R"([^(\s]*)\((.*?)\)\1"', lambda m: 'R""' + "\n" * m.group().count("\n"),
                      text, flags=re.S) if path.startswith("tests/") else text
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > MAX_COLUMNS:
                yield path, number, f"{len(line)} columns, at most {MAX_COLUMNS}"


def include_direction(tree):
    for path, text in tree.items():
        layer = next((names for prefix, names in LAYERS if path.startswith(prefix)), None)
        if layer is None or not path.endswith(CODE):
            continue
        for line, bracket, name in includes(path, text):
            if (bracket == '"' or name.startswith("weir/")) and not name.startswith(layer):
                yield path, line, f"{name} is not below {path.rsplit('/', 1)[0]}"
            own = path.split("/")[1]
            if re.match(r"adapters/(?!common/)\w+/", name) and path.startswith("adapters/") \
                    and not path.startswith("adapters/registry.") and name.split("/")[1] != own:
                yield path, line, f"an adapter may not include another adapter: {name}"
            for header, places in EXTERNAL:
                if re.match(header, name) and not re.match(places, path):
                    yield path, line, f"<{name}> belongs to {places}"


def uv_ownership(tree):
    where = lambda path: in_engine(path) and not UV_OWNERS.match(path)
    for path, line, found in matches(tree, r"\buv_(close|\w+_init)\b", where):
        yield path, line, f"{found.group()} is for engine/net and embed/worker_thread.cc"


def atomics(tree):
    where = lambda path: in_engine(path) and not ATOMIC_OWNERS.match(path)
    for path, line, found in matches(tree, r"\bstd::atomic\w*|^\s*#\s*include <atomic>", where):
        yield path, line, f"{found.group().strip()}: cross-thread state has its own few files"


def unfinished_words(tree):
    where = lambda path: not path.startswith("tools/lint/")
    for path, line, found in matches(tree, r"\b(TODO|FIXME|XXX|HACK)\b", where, raw=True):
        yield path, line, f"{found.group()}: finish it or leave it out"


def printing(tree):
    where = lambda path: in_engine(path) and not PRINT_OWNERS.match(path)
    for path, line, found in matches(tree, r"\bv?[fsd]?printf\s*\(|\bf?puts\s*\(", where):
        yield path, line, f"{found.group()}): say it through base/log.h (snprintf is fine)"


def dead_comments(tree):
    where = lambda path: path.endswith(".cc")
    code = (r"^\s*//\s*(#include\b.*|(if|for|while|switch) ?\(.*[;{]|return\b[^.]*;|\}"
            r"|[\w:.<>*&\->]+( [\w:.<>*&\->]+)?( =[^=].*|\(.*\));)\s*$")
    for path, line, _ in matches(tree, code, where, raw=True):
        yield path, line, "commented-out code"
    for path, line, _ in matches(tree, r"/\*+\s*\*/|(?<!//\n)^\s*///\s*$", where, raw=True):
        yield path, line, "empty comment"


def test_mirror(tree):
    sources = {path.rsplit(".", 1)[0] for path in tree if path.endswith((".cc", ".h"))}
    for path in tree:
        found = re.match(r"tests/unit/(.+)/(\w+?)(_long)?_test\.cc$", path)
        if not found:
            continue
        folder, name = found.group(1), found.group(2)
        wanted = [f"engine/{folder}/{name}", f"{folder}/{name}", f"{folder}/{name}/{name}",
                  f"adapters/common/{name}" if folder == "adapters" else "",
                  f"engine/include/weir/{name}" if folder == "embed" else ""]
        if f"{folder}/{name}" not in WHOLE_FOLDER_TESTS and not sources.intersection(wanted):
            yield path, 1, f"tests no file: there is no {wanted[0]}.cc or .h"


def dead_files(tree):
    """A header counts as used when a file other than its own .cc and its own test includes it."""
    users = {}
    for path, text in tree.items():
        if path.endswith(CODE):
            for _, _, name in includes(path, text):
                users.setdefault(name.rsplit("/", 1)[-1], []).append((path, name))
    for path in tree:
        if not path.endswith(".h") or path.startswith("engine/include/"):
            continue
        stem = path[:-2]
        mirror = re.escape(re.sub(r"^engine/", "", stem))
        own = re.compile(rf"{re.escape(stem)}\.cc$|tests/unit/{mirror}(_long)?_test\.cc$"
                         rf"|tests/unit/adapters/{re.escape(stem.rsplit('/', 1)[-1])}_test\.cc$")
        named = [user for user, name in users.get(path.rsplit("/", 1)[-1], [])
                 if ("/" + path).endswith("/" + name.removeprefix("../")) and not own.match(user)]
        if not named:
            yield path, 1, "no file but its own .cc and its own test includes it"


def doc_anchors(tree):
    for path, text in tree.items():
        if not (path.startswith("docs/") or path == "README.md") or not path.endswith(".md"):
            continue
        for found in re.finditer(r"([\w/.-]+\.(?:cc|h)):([A-Za-z_]\w*)", text):
            files = [text for name, text in tree.items() if ("/" + name).endswith(
                "/" + found.group(1)) and name.endswith(CODE)]
            if not any(re.search(rf"\b{found.group(2)}\b", stripped(text)) for text in files):
                yield path, line_of(text, found.start()), f"{found.group()} does not exist"


def outside_names(tree):
    # Brackets keep the words from being found in this file.
    names = (r"/wor[k]/(main|shared)|\bDECISION[S]\b|STYLE-ANCHOR[S]|USER-DEMAND[S]|\bbrie[f]\.md"
             r"|\bREQUIREMENT[S]( \d|\.md)|\bsub-?agen[t]s?\b|\b(AI|coding) (agen[t]|assistan[t])")
    for path, line, found in matches(tree, names, lambda path: True, raw=True):
        yield path, line, f"{found.group()}: not a thing of this project"


def pragma_once(tree):
    for path, text in tree.items():
        public_c = path == "engine/include/weir/weir.h" and "#ifndef" in text
        if path.endswith(".h") and "#pragma once" not in text and not public_c:
            yield path, 1, "lacks #pragma once"


RULES = (
    file_length, function_length, columns, include_direction, uv_ownership, atomics,
    unfinished_words, printing, dead_comments, test_mirror, dead_files, doc_anchors,
    outside_names, pragma_once,
)


def tree_read(root):
    tree = {}
    # In a linked work tree `.git` is a file, which names places outside.
    top = [path for path in root.iterdir() if path.is_file() and path.name != ".git"]
    inner = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    for path in top + inner:
        name = path.relative_to(root).as_posix()
        if path.suffix in SUFFIXES and not any(part in name for part in DATA):
            try:
                tree[name] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return tree


def self_test():
    from samples import CLEAN, SAMPLES
    by_name = {rule.__name__: rule for rule in RULES}
    silent = [name for name, sample in SAMPLES if not list(by_name[name](sample))]
    silent += [f"{name} (no sample)" for name in by_name if name not in dict(SAMPLES)]
    false_alarms = [(rule.__name__, *hit) for rule in RULES for hit in rule(CLEAN)]
    for name in silent:
        print(f"self-test: {name} did not fire on its sample")
    for alarm in false_alarms:
        print("self-test: false alarm", *alarm)
    print(f"self-test: {len(SAMPLES)} samples, {len(silent) + len(false_alarms)} faults")
    return 1 if silent or false_alarms else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    tree = tree_read(pathlib.Path(__file__).resolve().parents[2])
    hits = [(path, line, rule.__name__, message) for rule in RULES
            for path, line, message in rule(tree)]
    for path, line, rule, message in sorted(hits):
        print(f"{path}:{line}: [{rule}] {message}")
    print(f"lint: {len(tree)} files, {len(RULES)} rules, {len(hits)} faults")
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main())
