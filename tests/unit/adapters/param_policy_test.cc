// Rules for parameters, the edits that carry them out, and the writer of embedding replies.
#include "adapters/common/param_policy.h"

#include <random>

#include "adapters/common/embeddings.h"
#include "adapters/common/json_walk.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

constexpr ParamRule kRules[] = {
    {"seed", ParamAction::kDrop, "", ""},
    {"n", ParamAction::kRefuse, "one answer at a time", "1"},
    {"penalty", ParamAction::kDrop, "it has none", "0"},
    {"max_tokens", ParamAction::kMapped, "", ""},
};

struct Applied {
  std::string body;  // or the refusal
  std::string dropped;
  std::string param;
};

Applied policy_run(std::string_view body, ParamAction unknown = ParamAction::kPass,
                   bool strict = false, std::string_view pass = {}, std::string_view drop = {}) {
  Harness harness("openai", Endpoint::kChat);
  if (strict) harness.strict();
  harness.provider().options.emplace_back("pass_params", pass);
  harness.provider().options.emplace_back("drop_params", drop);
  if (!harness.begin(body)) return {"not scanned", "", ""};
  BodyEdits edits(harness.call().request, harness.call().arena);
  const auto done = params_apply(harness.call(), kRules, unknown, &edits);
  if (!done) {
    EXPECT_EQ(Errc::kUnsupportedParameter, done.error().code);
    return {std::string(done.error().message), "", std::string(done.error().param)};
  }
  SliceList out;
  EXPECT_TRUE(edits.build(&out));
  return {flat(out), std::string(harness.call().dropped_params), ""};
}

TEST(ParamPolicy, DropsAreNamedAndLeftOut) {
  const Applied seen =
      policy_run(R"({"seed":1,"model":"m", "penalty" : 0.5 ,"max_tokens":5,"x":{}})");
  EXPECT_EQ(R"({"model":"m","max_tokens":5,"x":{}})", seen.body);
  EXPECT_EQ("seed, penalty", seen.dropped);
}

TEST(ParamPolicy, NullsAndNeutralValuesGoInSilence) {
  for (const bool strict : {false, true}) {
    const Applied seen =
        policy_run(R"({"model":"m","n":1,"penalty":0.0,"seed":null})", ParamAction::kPass, strict);
    EXPECT_EQ(R"({"model":"m"})", seen.body);
    EXPECT_EQ("", seen.dropped);
  }
}

TEST(ParamPolicy, RefusalsSayWhatToDo) {
  const Applied two = policy_run(R"({"model":"m","n":2})");
  EXPECT_EQ("n", two.param);
  EXPECT_EQ(
      "the provider prov cannot be sent `n`: one answer at a time; leave it out, or ask a "
      "model that knows it",
      two.body);
  const Applied strict = policy_run(R"({"model":"m","seed":2})", ParamAction::kPass, true);
  EXPECT_EQ("seed", strict.param);
  EXPECT_NE(std::string::npos, strict.body.find("strict_params"));
}

TEST(ParamPolicy, UnknownOnesAndOwnOnes) {
  const Applied seen = policy_run(
      R"({"router":{},"model":"m","stream":true,"cache":{},"stream_options":{},"what":1})",
      ParamAction::kDrop);
  EXPECT_EQ(R"({"router":{},"model":"m","stream":true,"cache":{},"stream_options":{}})", seen.body);
  EXPECT_EQ("what", seen.dropped);
  EXPECT_EQ("what", policy_run(R"({"what":1,"model":"m"})", ParamAction::kRefuse).param);
}

TEST(ParamPolicy, OptionsGoFirst) {
  const Applied seen = policy_run(R"({"model":"m","seed":1,"n":2,"x":3})", ParamAction::kPass,
                                  false, "seed, n", "x");
  EXPECT_EQ(R"({"model":"m","seed":1,"n":2})", seen.body);
  EXPECT_EQ("x", seen.dropped);
}

TEST(ParamPolicy, NamesAreFitForAHeader) {
  const Applied seen =
      policy_run(R"({"model":"m","s\u0065ed":1,"a\r\nb":2,"c,\u00e9":3,"":4})", ParamAction::kDrop);
  EXPECT_EQ(R"({"model":"m"})", seen.body);
  EXPECT_EQ("seed, a??b, c???, ", seen.dropped);
  std::string body = R"({"model":"m")";
  for (int i = 0; i < 900; ++i) body += ",\"name_" + std::to_string(i) + "\":0";
  const Applied many =
      policy_run(body + ",\"" + std::string(100, 'y') + "\":0}", ParamAction::kDrop);
  EXPECT_EQ(R"({"model":"m"})", many.body);
  EXPECT_LE(many.dropped.size(), 1100u);
}

// Goal: whatever is removed, replaced, renamed and added, the body says exactly that. Method:
// bodies of random members with random white space; the edited body is read back member by member.
TEST(BodyEdits, RandomEditsSayWhatTheyShould) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto random_number = [&]() { return static_cast<unsigned>(random()); };
  const auto one_in = [&](unsigned n) { return random_number() % n == 0; };
  const auto space = [&]() { return std::string(random_number() % 3, one_in(2) ? ' ' : '\n'); };
  for (int round = 0; round < 400; ++round) {
    const std::string_view known[] = {"model", "tools", "user", "n"};
    const std::string_view values[] = {"\"m\"", "[1, \"}\"]", "\"a\\\"b\"", "3"};
    std::vector<std::pair<std::string, std::string>> members;
    for (size_t i = 0; i < 4; ++i) {
      if (i == 0 || one_in(2)) members.emplace_back(known[i], values[i]);
    }
    for (unsigned i = random_number() % 40; i > 0; --i) {
      members.emplace_back("k" + std::to_string(i), one_in(2) ? "{\"a\":[]}" : "-1.5e3");
    }
    std::shuffle(members.begin(), members.end(), random);
    std::string body = space() + "{" + space();
    for (size_t i = 0; i < members.size(); ++i) {
      body += (i == 0 ? "" : ",") + space() + "\"" + members[i].first + "\"" + space() + ":" +
              space() + members[i].second + space();
    }
    body += "}" + space();
    Harness harness("openai", Endpoint::kChat);
    ASSERT_TRUE(harness.begin(body)) << body;
    BodyEdits edits(harness.call().request, harness.call().arena);
    std::vector<std::pair<std::string, std::string>> wanted;
    BodyMembers walk(harness.call().request);
    const unsigned rate = 1 + random_number() % 4;
    while (walk.next()) {
      std::string key(walk.key());
      std::string value(walk.value());
      if (one_in(rate)) {
        edits.remove(walk.member());
        continue;
      }
      if (one_in(3)) {
        value = "\"new\"";
        edits.replace(walk.member(), "\"new\"");
      }
      wanted.emplace_back(key, value);
    }
    edits.rename(Field::kTools, "\"Tools\"");
    for (auto& [key, value] : wanted) key = key == "tools" ? "Tools" : key;
    for (unsigned i = random_number() % 3; i > 0; --i) {
      edits.insert("\"added\":true");
      wanted.emplace_back("added", "true");
    }
    SliceList out;
    ASSERT_TRUE(edits.build(&out));
    const std::string text = flat(out);
    std::vector<std::pair<std::string, std::string>> found;
    JsonMembers members_found(json_trim(text));
    while (members_found.next()) {
      found.emplace_back(members_found.key(), members_found.value());
    }
    EXPECT_FALSE(members_found.failed()) << text;
    EXPECT_EQ(wanted, found) << body << "\n" << text;
  }
}

TEST(EmbeddingsWriter, NumbersAndBase64) {
  Arena arena;
  EmbeddingsWriter plain(arena, false, 64);
  EXPECT_TRUE(plain.add("[1, -0.5]"));
  EXPECT_TRUE(plain.add("[]"));
  EXPECT_FALSE(plain.add("[1,null]"));
  EXPECT_FALSE(plain.add("{}"));
  EXPECT_EQ(2u, plain.count());
  EXPECT_EQ(R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1, -0.5]},)"
            R"({"object":"embedding","index":1,"embedding":[]}],"model":"m",)"
            R"("usage":{"prompt_tokens":3,"total_tokens":3}})",
            plain.finish("\"m\"", 3));
  EmbeddingsWriter packed(arena, true, 64);
  EXPECT_TRUE(packed.add("[1,-0.5]"));
  EXPECT_EQ(R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":)"
            R"("AACAPwAAAL8="}],"model":"m"})",
            packed.finish("\"m\"", -1));
}

}  // namespace
}  // namespace weir::test
