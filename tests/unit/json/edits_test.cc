#include "json/edits.h"

#include <gtest/gtest.h>

#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "json/request_scan.h"
#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;
using testing::RandomJson;

std::string joined(const SliceList& slices) {
  std::string text;
  for (const Slice& slice : slices.span()) text.append(slice.view());
  EXPECT_EQ(text.size(), slices.bytes());
  return text;
}

template <typename Apply>
std::string edited(std::string_view text, Apply apply) {
  const Padded body(text);
  RequestScanner scanner;
  RequestView view;
  EXPECT_TRUE(scanner.scan(body.view(), {}, &view)) << text;
  EditList edits(view);
  apply(edits);
  SliceList slices;
  EXPECT_TRUE(edits.build(&slices));
  return joined(slices);
}

TEST(Edits, NoneLeavesTheBodyInOneSlice) {
  const std::string text = " {\"model\":\"m\" } ";
  EXPECT_EQ(edited(text, [](EditList&) {}), text);
}

TEST(Edits, ReplaceRenameRemoveInsert) {
  const std::string text = "{ \"model\" : \"m\", \"max_tokens\":5 , \"stream\":true }\n";
  EXPECT_EQ(edited(text, [](EditList& e) { EXPECT_TRUE(e.replace(Field::kModel, "\"x\"")); }),
            "{ \"model\" : \"x\", \"max_tokens\":5 , \"stream\":true }\n");
  EXPECT_EQ(edited(text, [](EditList& e) {
              EXPECT_TRUE(e.rename(Field::kMaxTokens, "\"max_completion_tokens\""));
              EXPECT_TRUE(e.remove(Field::kStream));
              EXPECT_TRUE(e.insert("\"a\":1"));
              EXPECT_TRUE(e.insert("\"b\":2"));
            }),
            "{ \"model\" : \"m\", \"max_completion_tokens\":5  ,\"a\":1,\"b\":2}\n");
  EXPECT_EQ(edited(text, [](EditList& e) {
              EXPECT_TRUE(e.remove(Field::kRouter));
              EXPECT_TRUE(e.replace(Field::kRouter, "1"));
              EXPECT_TRUE(e.rename(Field::kRouter, "\"r\""));
            }),
            text);
}

TEST(Edits, LastReplacementWinsAndRemovalWinsOverAll) {
  const auto apply = [](EditList& e) {
    EXPECT_TRUE(e.replace(Field::kModel, "\"a\""));
    EXPECT_TRUE(e.replace(Field::kModel, "\"b\""));
    EXPECT_TRUE(e.remove(Field::kN));
    EXPECT_TRUE(e.remove(Field::kN));
    EXPECT_TRUE(e.replace(Field::kN, "2"));
  };
  EXPECT_EQ(edited("{\"model\":\"m\",\"n\":1}", apply), "{\"model\":\"b\"}");
}

TEST(Edits, ANullFieldIsReplacedNotAddedAgain) {
  EXPECT_EQ(edited("{\"model\":\"m\",\"stream_options\":null}",
                   [](EditList& e) { EXPECT_TRUE(e.replace(Field::kStreamOptions, "{}")); }),
            "{\"model\":\"m\",\"stream_options\":{}}");
}

TEST(Edits, RemovingEverythingLeavesAnEmptyObject) {
  const auto remove_both = [](EditList& e) {
    EXPECT_TRUE(e.remove(Field::kN));
    EXPECT_TRUE(e.remove(Field::kModel));
  };
  EXPECT_EQ(edited(" { \"model\":\"m\" , \"n\":1 } ", remove_both), " {} ");
  EXPECT_EQ(edited("{\"model\":\"m\",\"n\":1}",
                   [&](EditList& e) {
                     remove_both(e);
                     EXPECT_TRUE(e.insert("\"x\":1"));
                     EXPECT_TRUE(e.insert("\"y\":2"));
                   }),
            "{\"x\":1,\"y\":2}");
}

TEST(Edits, FullListsSaySo) {
  const Padded body("{\"model\":\"m\",\"stream\":true,\"n\":1,\"user\":\"u\",\"tools\":[],"
                    "\"router\":1,\"cache\":2,\"input\":3,\"prompt\":4}");
  RequestScanner scanner;
  RequestView view;
  ASSERT_TRUE(scanner.scan(body.view(), {}, &view));
  EditList edits(view);
  const Field fields[] = {Field::kModel, Field::kStream, Field::kN,     Field::kUser,
                          Field::kTools, Field::kRouter, Field::kCache, Field::kInput};
  for (const Field field : fields) {
    EXPECT_TRUE(edits.replace(field, "0"));
    EXPECT_TRUE(edits.remove(field));
  }
  EXPECT_FALSE(edits.replace(Field::kPrompt, "0"));
  EXPECT_FALSE(edits.remove(Field::kPrompt));
  EXPECT_TRUE(edits.insert("\"a\":1"));
  EXPECT_TRUE(edits.insert("\"b\":1"));
  EXPECT_FALSE(edits.insert("\"c\":1"));
  SliceList slices;
  EXPECT_TRUE(edits.build(&slices));
  EXPECT_EQ(joined(slices), "{\"prompt\":4,\"a\":1,\"b\":1}");
  SliceList full;
  while (full.push(Slice(std::string_view("x")))) {
  }
  EXPECT_FALSE(edits.build(&full));
}

// One member of a random body, and what is to become of it.
struct Part {
  Field field = Field::kCount;
  std::string key, value, spaces[4];
  bool removed = false;
  std::string new_key, new_value;
};

std::vector<Part> random_parts(RandomJson& random) {
  static constexpr std::string_view kKeys[] = {"model", "stream", "n",    "user",  "tools",
                                               "router", "cache", "input", "prompt"};
  static constexpr Field kFields[] = {Field::kModel, Field::kStream, Field::kN,
                                      Field::kUser,  Field::kTools,  Field::kRouter,
                                      Field::kCache, Field::kInput,  Field::kPrompt};
  std::vector<Part> parts;
  for (size_t i = 0; i < std::size(kKeys); ++i) {
    if (i > 0 && random.below(2) == 0) continue;
    Part part;
    part.field = kFields[i];
    part.key = "\"" + std::string(kKeys[i]) + "\"";
    part.value = i == 0 ? "\"m\"" : i == 1 ? "false" : i == 2 ? "1" : random.value(3);
    parts.push_back(part);
  }
  for (size_t i = 0, others = random.below(4); i < others; ++i) {
    Part part;
    part.key = "\"other" + std::to_string(i) + "\"";
    part.value = random.value(3);
    parts.push_back(part);
  }
  for (size_t i = parts.size(); i > 1; --i) std::swap(parts[i - 1], parts[random.below(i)]);
  for (Part& part : parts) {
    for (std::string& space : part.spaces) space = random.space();
  }
  return parts;
}

std::string body_of(const std::vector<Part>& parts) {
  std::string text = "{";
  for (const Part& part : parts) {
    if (text.size() > 1) text += ",";
    text += part.spaces[0] + part.key + part.spaces[1] + ":" + part.spaces[2] + part.value +
            part.spaces[3];
  }
  return text + "}";
}

void edit_at_random(RandomJson& random, std::vector<Part>& parts, EditList& edits) {
  size_t left = EditList::kMax;
  for (Part& part : parts) {
    if (part.field == Field::kCount) continue;
    const size_t kind = random.below(6);
    if (kind < 2) {
      part.removed = true;
      ASSERT_TRUE(edits.remove(part.field));
    }
    if ((kind == 1 || kind == 2 || kind == 3) && left > 0) {
      --left;
      part.new_value = random.scalar();
      ASSERT_TRUE(edits.replace(part.field, part.new_value));
    }
    if ((kind == 3 || kind == 4) && left > 0) {
      --left;
      part.new_key = "\"new_" + part.key.substr(1);
      ASSERT_TRUE(edits.rename(part.field, part.new_key));
    }
  }
}

std::string without_space(std::string_view text) {
  std::string out;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') inside = !inside;
    if (inside && text[i] == '\\') out += text[i++];
    if (inside || std::strchr(" \t\r\n", text[i]) == nullptr) out += text[i];
  }
  return out;
}

// Goal: any combination of edits gives the object one would write by hand, and white space and all
// else outside the edits stays in place. Method: random bodies; the result must parse, equal the
// expected text but for white space, and its kept members must stand in it byte for byte.
TEST(Edits, AnyCombinationGivesTheExpectedObject) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE(seed);
  RandomJson random(seed);
  RequestScanner scanner;
  simdjson::dom::parser parser;
  for (int i = 0; i < 6000; ++i) {
    std::vector<Part> parts = random_parts(random);
    const Padded body(body_of(parts));
    RequestView view;
    ASSERT_TRUE(scanner.scan(body.view(), {}, &view)) << body.view();
    EditList edits(view);
    edit_at_random(random, parts, edits);
    std::vector<Part> kept;
    for (Part part : parts) {
      if (part.removed) continue;
      if (!part.new_key.empty()) part.key = part.new_key;
      if (!part.new_value.empty()) part.value = part.new_value;
      kept.push_back(part);
    }
    std::vector<std::string> inserts;
    for (size_t k = random.below(3); k > 0; --k) {
      inserts.push_back("\"inserted" + std::to_string(k) + "\":" + std::to_string(k));
    }
    std::string expected = body_of(kept);
    for (const std::string& insert : inserts) {
      ASSERT_TRUE(edits.insert(insert));
      expected.insert(expected.size() - 1, (expected.size() > 2 ? "," : "") + insert);
    }
    SliceList slices;
    ASSERT_TRUE(edits.build(&slices));
    const std::string text = joined(slices);
    ASSERT_EQ(without_space(text), without_space(expected)) << body.view() << "\n" << text;
    ASSERT_TRUE(testing::reference_valid(text)) << text;
    simdjson::dom::element root;
    const auto error = parser.parse(text).get(root);
    // Surrogates without a partner and huge numbers are JSON, but not to this parser.
    ASSERT_TRUE(error == simdjson::SUCCESS || error == simdjson::STRING_ERROR ||
                error == simdjson::NUMBER_ERROR)
        << text;
    size_t at = 0;
    for (const Part& part : kept) {
      const std::string exact = part.key + part.spaces[1] + ":" + part.spaces[2] + part.value;
      at = text.find(exact, at);
      ASSERT_NE(at, std::string::npos) << exact << " in " << text;
      at += exact.size();
    }
    // Each slice that is not ours lies in the body, in order.
    const char* last = body.view().data();
    for (const Slice& slice : slices.span()) {
      const bool own = slice.data < body.view().data() ||
                       slice.data >= body.view().data() + body.view().size();
      if (own) continue;
      ASSERT_GE(slice.data, last);
      last = slice.data + slice.size;
    }
  }
}

}  // namespace
}  // namespace weir
