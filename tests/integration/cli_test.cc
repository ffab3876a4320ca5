// Goal: every sub-command does what it says against a running Weir, keeps secrets off the command
// line, and ends with the right code.
// Method: the real program on both sides.
#include <gmock/gmock.h>

#include "servers.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Told {
  int code = -1;
  std::string out, err;
};

class Cli : public testing::Test {
 protected:
  Cli()
      : gateway_("providers: [{name: lo, type: loopback}]\n"
                 "models: [{provider: lo, id: loopback}]\nkeys:\n" +
                 std::string(kUserEntry) + "log: {access: \"off\"}\n") {}

  Told run(std::vector<std::string> words, const std::vector<std::string>& environment = {}) {
    words.insert(words.begin(), program_path("weir"));
    std::vector<std::string> all = {"WEIR_URL=" + gateway_.url(),
                                    "WEIR_KEY=" + std::string(kAdminKey)};
    all.insert(all.begin(), environment.begin(), environment.end());
    Process process(words, gateway_.folder() / "cli", all);
    Told told;
    told.code = process.wait();
    told.out = process.out();
    told.err = process.err();
    return told;
  }
  // Of a call that has to succeed; what it printed.
  std::string done(const std::vector<std::string>& words,
                   const std::vector<std::string>& environment = {}) {
    const Told told = run(words, environment);
    EXPECT_EQ(told.code, 0) << told.err << told.out;
    return told.out;
  }
  // The value of a line "name   value".
  static std::string value_of(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(name + " ")) continue;
      return line.substr(line.find_first_not_of(' ', name.size()));
    }
    return {};
  }

  Gateway gateway_;
};

TEST_F(Cli, LeadsFromNothingToAChat) {
  EXPECT_THAT(done({"providers", "create", "loopback", "mine"}), HasSubstr("loopback"));
  EXPECT_THAT(done({"models", "create", "mine", "loopback", "--alias", "chat", "--weight", "2",
                    "--metadata", "{\"cost\": 0.5}"}),
              HasSubstr("chat"));
  EXPECT_THAT(done({"models", "list"}), HasSubstr("chat"));
  EXPECT_EQ(gateway_.ask(chat_request("chat")).status, 200);
  EXPECT_THAT(done({"targets", "list"}), HasSubstr("mine/loopback"));
  EXPECT_EQ(done({"targets", "clear", "mine/loopback"}), "cleared mine/loopback\n");
  EXPECT_TRUE(until([&] {
    return done({"usage", "show", "--by", "alias"}).find("chat") != std::string::npos;
  }));
  EXPECT_EQ(done({"providers", "delete", "mine"}), "deleted mine\n");
  EXPECT_EQ(gateway_.ask(chat_request("chat")).status, 404);
}

TEST_F(Cli, MakesKeysThatWorkAndEnd) {
  const std::string made = done({"keys", "create", "app2", "--model", "loopback"});
  const std::string key = value_of(made, "key");
  ASSERT_FALSE(key.empty()) << made;
  EXPECT_EQ(gateway_.ask(chat_request("loopback", false, key)).status, 200);
  EXPECT_THAT(done({"keys", "list"}), HasSubstr("app2"));
  EXPECT_THAT(done({"keys", "get", "app2"}), Not(HasSubstr(key)));
  const std::string next = value_of(done({"keys", "rotate", "app2", "--overlap", "0s"}), "key");
  EXPECT_NE(next, key);
  EXPECT_EQ(gateway_.ask(chat_request("loopback", false, next)).status, 200);
  EXPECT_EQ(gateway_.ask(chat_request("loopback", false, key)).status, 401);
  done({"keys", "delete", "app2"});
  EXPECT_EQ(gateway_.ask(chat_request("loopback", false, next)).status, 401);
}

TEST_F(Cli, SetsLimitsPoliciesAndBalancers) {
  const std::string first = done({"limits", "set", "--tenant", "--requests", "100/1m"});
  const std::string again =
      done({"limits", "set", "--tenant", "--requests", "50/1m/200", "--tokens", "9/1h"});
  EXPECT_EQ(value_of(first, "uuid"), value_of(again, "uuid"));
  EXPECT_THAT(done({"limits", "list"}), HasSubstr("capacity=200"));
  done({"limits", "delete", value_of(again, "uuid")});
  const std::string policy =
      done({"policies", "create", "--resource", "model:loopback", "--subject", "group:nobody"});
  EXPECT_THAT(done({"policies", "list"}), HasSubstr("group:nobody"));
  done({"policies", "delete", value_of(policy, "uuid")});
  done({"models", "create", "lo", "loopback", "--alias", "chat"});
  EXPECT_THAT(done({"balancers", "create", "chat", "--algorithm", "least_connections",
                    "--suspend-duration", "3s", "--backend", "lo/loopback:4"}),
              HasSubstr("least_connections"));
  EXPECT_THAT(done({"balancers", "get", "chat"}), HasSubstr("weight=4"));
  done({"balancers", "delete", "chat"});
  EXPECT_THAT(done({"tenants", "list"}), HasSubstr("default"));
}

TEST_F(Cli, TakesSecretsFromElsewhere) {
  const std::string planted = "planted-cli-secret-1234";
  const std::vector<std::string> environment = {"PLANTED=" + planted};
  const std::vector<std::string> start = {"providers", "create", "openai", "p"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), start.begin(), start.end());
    return more;
  };
  const Told refused = run(with({"--set", "apiKey=" + planted}), environment);
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("others can read the command line"));
  EXPECT_THAT(refused.err, Not(HasSubstr(planted)));
  EXPECT_EQ(run(with({"--secret", "apikey=" + planted})).code, 2);
  EXPECT_EQ(run(with({"--data", "{\"apikey\":\"x\"}"})).code, 2);
  done(with({"--secret", "apikey=env:PLANTED", "--set", "base_url=http://127.0.0.1:9/v1"}),
       environment);
  const std::string shown = done({"providers", "get", "p", "--json"});
  EXPECT_THAT(shown, HasSubstr("http://127.0.0.1:9/v1"));
  EXPECT_THAT(shown, Not(HasSubstr(planted)));
  const std::string file = gateway_.folder() / "data.json";
  file_write(file, R"({"apikey":")" + planted + R"("})");
  done({"providers", "update", "p", "openai", "--data", "@" + file});
  done({"providers", "delete", "p"});
}

TEST_F(Cli, SaysWhatIsWrong) {
  const Told no_key = run({"models", "list"}, {"WEIR_KEY="});
  EXPECT_EQ(no_key.code, 2);
  EXPECT_THAT(no_key.err, HasSubstr("WEIR_KEY"));
  const Told bad_key = run({"models", "list"}, {"WEIR_KEY=wrong"});
  EXPECT_EQ(bad_key.code, 1);
  EXPECT_THAT(bad_key.err, HasSubstr("status 401, invalid_api_key"));
  const Told nobody = run({"models", "list", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.err, HasSubstr("cannot reach http://127.0.0.1:1"));
  const Told missing = run({"providers", "get", "none"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("provider_not_found"));
  EXPECT_EQ(run({"keys"}).code, 2);
  EXPECT_EQ(run({"keys", "create"}).code, 2);
  EXPECT_EQ(run({"limits", "set", "--tenant", "--requests", "many"}).code, 2);
  const std::string help = done({"providers", "create", "--help"});
  EXPECT_THAT(help, HasSubstr("--secret"));
}

}  // namespace
}  // namespace weir::integration
