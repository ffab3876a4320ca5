// Goal: what the documentation shows is accepted and means what it says; every mistake is reported
// with its exact line, and no secret is ever in a report.
#include "control/config_load.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "fake_worker.h"

namespace weir {

namespace {

LoadedConfig load(std::string_view text) {
  return config_load_text(text, "w.yaml", "", test::fake_options());
}

std::string lines_of(const LoadedConfig& loaded, bool warnings) {
  std::string out;
  for (const ConfigProblem& problem : loaded.problems.list) {
    if (problem.warning == warnings) out += problem_line(loaded.file, problem) + "\n";
  }
  return out;
}

struct Bad {
  const char* text;
  const char* lines;
};

constexpr char kProvider[] =
    "providers: [{name: p, type: openai, data: {base_url: 'http://h/v1'}}]\n";

const Bad kBad[] = {
    {"", "w.yaml:1:1: the file is empty\n"},
    {"a: [", "w.yaml:1:1: not YAML: end of sequence flow not found\n"},
    {"log: {}\n---\nlog: {}\n", "w.yaml:2:1: a second document is not allowed\n"},
    {"log: {}\nlog: {}\n", "w.yaml:2:1: duplicate key \"log\", first at line 1\n"},
    {"- 1\n", "w.yaml:1:1: needs to be a map of fields\n"},
    {"workres: 2\n", "w.yaml:1:1: unknown field \"workres\"; did you mean \"workers\"?\n"},
    {"workers: 0\n", "w.yaml:1:10: workers: needs to be from 1 to 1024\n"},
    {"workers:\n", "w.yaml:1:1: workers: has no value\n"},
    {"pin_cpus: yes\n", "w.yaml:1:11: pin_cpus: needs to be true or false\n"},
    {"log: !!str x\n", "w.yaml:1:6: tags are not allowed\n"},
    {"? [a]\n: b\n", "w.yaml:1:3: a key must be plain text\n"},
    {"a: &x [*x]\n", "w.yaml:1:8: an alias may not stand inside its own anchor\n"},
    {"listen: []\n", "w.yaml:1:1: listen: needs at least one address\n"},
    {"listen: [{address: 127.0.0.1:70000}]\n",
     "w.yaml:1:20: listen[0].address: \"127.0.0.1:70000\" needs a port from 0 to 65535\n"},
    {"listen: [{address: x}, {address: y}]\n",
     "w.yaml:1:20: listen[0].address: \"x\" needs the form ADDRESS:PORT, such as 127.0.0.1:8080 or "
     "[::]:8443\n"
     "w.yaml:1:34: listen[1].address: \"y\" needs the form ADDRESS:PORT, such as 127.0.0.1:8080 or "
     "[::]:8443\n"},
    {"limits: {header_timeout: 10}\n",
     "w.yaml:1:26: limits.header_timeout: needs to be a duration such as 250ms, 10s or 1h30m\n"},
    {"limits: {max_body_bytes: 1TB}\n",
     "w.yaml:1:26: limits.max_body_bytes: needs to be a size such as 65536, 64KiB or 32MiB\n"},
    {"limits: {json_validation: fulll}\n",
     "w.yaml:1:27: limits.json_validation: \"fulll\" is none of full, top_level; did you mean "
     "\"full\"?\n"},
    {"admin_key: vault:a#b\n",
     "w.yaml:1:12: admin_key: is needed at once and cannot come from a vault; use env:NAME or "
     "file:PATH\n"},
    {"providers: [{name: p, type: openai, data: {apikey: 'vault:openai'}}]\n",
     "w.yaml:1:13: providers[0].data: providers of type openai need the field \"apikey\"\n"
     "w.yaml:1:52: providers[0].data.apikey: vault: needs a field, as in "
     "vault:secret/openai#apikey\n"},
    {"providers: [{name: p, type: openai, data_reference: {resource: 'crn:2'}}]\n",
     "w.yaml:1:13: providers[0].data: providers of type openai need the field \"apikey\"\n"
     "w.yaml:1:64: providers[0].data_reference.resource: a CRN has ten parts, joined by colons\n"},
    {"providers: [{name: p, type: openai, data: {apikey: x}, data_reference: {resource: "
     "'env:PATH'}}]\n",
     "w.yaml:1:72: providers[0].data_reference: takes the place of \"data\"; give one of them\n"},
    {"vault: {address: 'ftp://h'}\n",
     "w.yaml:1:18: vault.address: needs to begin with http:// or https://\n"},
    {"vault: {token: 'vault:a/b#c'}\n",
     "w.yaml:1:16: vault.token: is needed at once and cannot come from a vault; use env:NAME or "
     "file:PATH\n"},
    {"secrets: {allow: [{tenant: a, prefix: \"file:/run/../etc\"}]}\n",
     "w.yaml:1:39: secrets.allow[0].prefix: needs to be the begin of references: env:, file:/, "
     "vault: or crn:, and what follows, without . and .. in a path\n"},
    {"secrets: {refresh: 10ms}\n", "w.yaml:1:20: secrets.refresh: needs to be from 1s to 360h\n"},
    {"admin_key: env:WEIR_TEST_ABSENT\n",
     "w.yaml:1:12: admin_key: the environment variable \"WEIR_TEST_ABSENT\" is not set\n"},
    {"admin_key: file:/nowhere/x\n",
     "w.yaml:1:12: admin_key: \"/nowhere/x\": No such file or directory\n"},
    {"providers: [{name: p, type: opnai}]\n",
     "w.yaml:1:13: providers[0].type: unknown provider type \"opnai\"; did you mean "
     "\"openai\"?\n"},
    {"providers: [{name: p, type: bedrock}]\n",
     "w.yaml:1:13: providers[0].type: this build has no adapter for the type \"bedrock\"\n"},
    {"providers: [{name: p, type: openai}]\n",
     "w.yaml:1:13: providers[0].data: providers of type openai need the field \"apikey\"\n"},
    {"providers: [{type: loopback}]\n",
     "w.yaml:1:13: providers[0]: the field \"name\" is missing\n"},
    {"providers: [{name: a/b, type: loopback}]\n",
     "w.yaml:1:20: providers[0].name: a provider's name may not hold a slash\n"},
    {"providers: [{name: \"a\\tb\", type: loopback}]\n",
     "w.yaml:1:20: providers[0].name: the name holds a byte that is not printable\n"},
    {"providers: [{name: p, type: loopback}, {name: p, type: loopback}]\n",
     "w.yaml:1:40: providers[1].name: duplicate provider \"p\"\n"},
    {"providers: [{name: p, type: openai, data: {base_url: 'ftp://h'}}]\n",
     "w.yaml:1:13: providers[0].data.base_url: needs to begin with http:// or https://\n"},
    {"providers: [{name: p, type: openai, data: {base_url: 'http://u:hunter2@h'}}]\n",
     "w.yaml:1:13: providers[0].data.base_url: may not have a user name or password; use "
     "data.apikey\n"},
    {"providers: [{name: p, type: openai, data: {base_url: 'http://h?q'}}]\n",
     "w.yaml:1:13: providers[0].data.base_url: may not have a query\n"},
    {"providers: [{name: p, type: openai, data: {base_url: 'http://h:0'}}]\n",
     "w.yaml:1:13: providers[0].data.base_url: needs a port from 1 to 65535\n"},
    {"providers: [{name: p, type: openai, data: {base_url: 'http://169.254.169.254/'}}]\n",
     "w.yaml:1:13: providers[0].data.base_url: link-local, metadata and unspecified addresses are "
     "never allowed\n"},
    {"providers:\n  - {name: p, type: openai, data: {base_url: 'https://h', apikey: 'env:HOME'},\n"
     "     tls: {ca_pem: '-----BEGIN CERTIFICATE----- garbage'}}\n",
     "w.yaml:2:5: providers[0].tls.ca_pem: a PEM block cannot be read\n"},
    {"network: {private_upstreams: deny}\n"
     "providers: [{name: p, type: openai, data: {base_url: 'http://10.0.0.1'}}]\n",
     "w.yaml:2:13: providers[0].data.base_url: private addresses are denied by "
     "network.private_upstreams\n"},
    {"providers: [{name: p, type: openai, data: {base_url: 'http://h', apikye: x}}]\n",
     "w.yaml:1:66: providers[0].data: unknown field \"apikye\"; did you mean \"apikey\"?\n"},
    {"providers: [{name: p, type: loopback, headers: {Host: x}}]\n",
     "w.yaml:1:55: providers[0].headers.Host: is a field that Weir sets itself\n"},
    {"providers: [{name: open, type: loopback}]\nmodels: [{provider: opn, id: m}]\n",
     "w.yaml:2:10: models[0].provider: no provider \"opn\"; did you mean \"open\"?\n"},
    {"load_balancers: [{alias: chat}]\n",
     "w.yaml:1:18: load_balancers[0].alias: no model has the alias \"chat\"\n"},
    {"keys: [{name: a}]\n",
     "w.yaml:1:8: keys[0]: needs either the field \"key\" or the field \"sha256\"\n"},
    {"keys: [{name: a, sha256: 12}]\n",
     "w.yaml:1:26: keys[0].sha256: needs to be 64 hexadecimal digits\n"},
    {"keys: [{name: a, key: same-key}, {name: b, key: same-key}]\n",
     "w.yaml:1:34: keys[1]: the same key value as keys[0]\n"},
    {"rate_limits: [{type: tenant, request: {amount: 1, capacity: 1, duration: 0s}}]\n",
     "w.yaml:1:74: rate_limits[0].request.duration: needs to be a duration above zero, such as 1s "
     "or 1m\n"},
    {"policies: [{action: run, resource: '*', subject: '*'}]\n",
     "w.yaml:1:21: policies[0].action: \"run\" is none of read, write\n"},
    {"log: {access: syslog}\n",
     "w.yaml:1:15: log.access: \"syslog\" is none of stdout, stderr, off, file:...\n"},
    {"limits: {max_buffered_bytes: 1MiB}\n",
     "w.yaml: limits.max_body_bytes: is larger than limits.max_buffered_bytes\n"
     "w.yaml: limits.max_response_bytes: is larger than limits.max_buffered_bytes\n"},
};

TEST(ConfigLoad, ReportsEveryMistakeInItsPlace) {
  for (const Bad& bad : kBad) {
    const LoadedConfig loaded = load(bad.text);
    EXPECT_EQ(lines_of(loaded, false), bad.lines) << bad.text;
    EXPECT_FALSE(loaded.usable());
  }
}

TEST(ConfigLoad, CollectsAllProblems) {
  const LoadedConfig loaded = load("workers: x\nlgo: {}\nlimits: {drain_timeout: 1}\n");
  EXPECT_EQ(loaded.problems.list[0].at.line, 0);  // the warning about no models
  EXPECT_NE(lines_of(loaded, false).find("w.yaml:1:10: workers"), std::string::npos);
  EXPECT_NE(lines_of(loaded, false).find("w.yaml:2:1: unknown field \"lgo\""), std::string::npos);
  EXPECT_NE(lines_of(loaded, false).find("w.yaml:3:25: limits.drain_timeout"), std::string::npos);
  EXPECT_EQ(loaded.first_error(), "w.yaml:1:10: workers: needs to be a whole number");
}

TEST(ConfigLoad, BoundsNestingAndAliases) {
  const LoadedConfig deep = load("a: " + std::string(100, '[') + std::string(100, ']'));
  EXPECT_NE(deep.first_error().find("nested deeper"), std::string::npos);
  EXPECT_FALSE(load("a: " + std::string(100'000, '[')).usable());
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) laughs += (j == 0 ? "" : ", ") + previous;
    laughs += "]\n";
  }
  EXPECT_NE(load(laughs).first_error().find("aliases expand to too many values"),
            std::string::npos);
}

constexpr char kEverything[] = R"(
listen:
  - {address: "127.0.0.1:8080"}
  - {address: "[::]:8443"}
workers: 3
pin_cpus: true
data_dir: /var/lib/weir
admin_key: env:WEIR_TEST_ADMIN
providers:
  - name: my-openai
    type: openai
    data: {apiKey: env:WEIR_TEST_KEY, base_url: "https://Example.com:443/v1/"}
    timeouts: {connect: 5s, head: 600s, idle: 0s, total: 0s}
    max_connections: 10
    max_waiting: 20
    auth_errors: passthrough
    strict_params: true
    headers: {X-Team: research}
    options: {supports_stream_options: false, deployments: {gpt-4o: mine}}
    proxy: "http://user:p%40ss@proxy.local:3128"
  - {name: other, type: loopback}
models:
  - {provider: my-openai, id: gpt-4o-mini, alias: chat, weight: 3, metadata: {cost: 0.0006}}
  - {provider: other, id: llama-3.3-70b, alias: chat, metadata: {weight: 2}}
  - {provider: other, id: llama-3.2-3b, alias: chat, environment: sandbox}
load_balancers:
  - {alias: chat, algorithm: least_connections, suspend_duration: 7, max_attempts: 2,
     backends: [{model: other/llama-3.3-70b, weight: 5, priority: 1}]}
rate_limits:
  - {type: tenant, request: {amount: 100, capacity: 200, duration: 1s}}
  - {type: provider, provider: my-openai, token: {amount: 1, capacity: 2, duration: 1m}}
  - {type: model, model: chat, request: {amount: 10, capacity: 10, duration: 1m}}
keys:
  - {name: app, key: env:WEIR_TEST_APP, role: user, user: ann, groups: [research], models: ["*"],
     environment: production}
  - {name: ops, role: admin,
     sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,
     expires_at: 2030-01-31}
policies:
  - {action: read, resource: "model:chat", subject: "group:research", effect: allow}
limits: {header_timeout: 1s, body_timeout: 2s, idle_timeout: 3s, write_stall_timeout: 4s,
         max_header_bytes: 16KiB, max_body_bytes: 1MiB, max_response_bytes: 2MiB,
         max_connections: 50, max_buffered_bytes: 64MiB, drain_timeout: 5s,
         json_validation: top_level}
retry_budget: {percent: 30, min_per_s: 5}
network: {private_upstreams: deny}
accounting: {strict: true, flush_interval: 2s, retention: 30d}
log: {level: debug, access: "file:/tmp/a.log", metrics_key: env:WEIR_TEST_METRICS,
      server_timing: always}
)";

TEST(ConfigLoad, AcceptsEveryField) {
  for (const char* name : {"ADMIN", "KEY", "APP", "METRICS"}) {
    setenv((std::string("WEIR_TEST_") + name).c_str(), name, 1);
  }
  const LoadedConfig loaded = load(kEverything);
  EXPECT_EQ(lines_of(loaded, false), "");
  const Config& config = loaded.config;
  EXPECT_EQ(config.listen[1].host, "::");
  EXPECT_EQ(config.listen[1].port, 8443);
  EXPECT_EQ(config.workers, 3u);
  EXPECT_TRUE(config.pin_cpus);
  EXPECT_EQ(config.admin_key.reveal(), "ADMIN");
  const ProviderConfig& provider = config.providers[0];
  EXPECT_EQ(provider.api_key.reveal(), "KEY");
  EXPECT_EQ(provider.url.authority, "example.com");
  EXPECT_EQ(provider.url.path, "/v1");
  EXPECT_TRUE(provider.url.tls);
  EXPECT_GT(provider.timeouts.idle_ms, 1'000'000'000u);  // none
  EXPECT_FALSE(provider.mask_auth_errors);
  EXPECT_EQ(provider.options[1].first, "deployments.gpt-4o");
  EXPECT_EQ(provider.options[1].second, "mine");
  EXPECT_EQ(provider.proxy.host, "proxy.local");
  EXPECT_EQ(provider.proxy.authorization.reveal(), "Basic dXNlcjpwQHNz");
  EXPECT_EQ(config.models[1].weight, 2u);
  EXPECT_EQ(config.models[2].environment, "sandbox");
  EXPECT_EQ(config.balancers[0].suspend_ms, 7'000u);
  EXPECT_EQ(config.balancers[0].algorithm, Algorithm::kLeastInflight);
  EXPECT_EQ(config.rate_limits[1].subject, "my-openai");
  EXPECT_EQ(config.keys[1].expires_unix_s, 1'896'048'000);
  EXPECT_EQ(config.keys[1].role, Role::kAdmin);
  EXPECT_FALSE(config.limits.validate_full);
  EXPECT_EQ(config.limits.max_header_bytes, 16384u);
  EXPECT_EQ(config.limits.retry_budget_percent, 30u);
  EXPECT_EQ(config.accounting.retention_days, 30u);
  EXPECT_TRUE(config.deny_private_upstreams);
  EXPECT_EQ(config.log.server_timing, ServerTiming::kAlways);
  const std::string warnings = lines_of(loaded, true);
  EXPECT_NE(warnings.find("warning: rate_limits: this section is read and checked, but not "
                          "enforced by this build"),
            std::string::npos);
  EXPECT_EQ(warnings.find("policies"), std::string::npos);
}

TEST(ConfigLoad, DefaultsLoadToThemselves) {
  const LoadedConfig loaded = load(config_defaults_yaml());
  EXPECT_EQ(lines_of(loaded, false), "");
  EXPECT_EQ(loaded.config.limits.max_body_bytes, ClientLimits().max_body_bytes);
  EXPECT_EQ(loaded.config.limits.header_timeout_ms, ClientLimits().header_timeout_ms);
  EXPECT_EQ(loaded.config.workers, 0u);
}

TEST(ConfigLoad, ReadsWhoIsBelieved) {
  const LoadedConfig loaded = load(R"(
auth:
  token_lifetime: 10m
  signing_key_rotation: 90d
  failed_attempts_per_minute: 0
  max_callers: 5
  jwks_refresh: 1m
  jwks_pause: 2s
  oidc:
    - {issuer: "https://id.test/", audience: weir}
    - {issuer: corp, audience: weir, jwks_url: "http://keys.test/jwks", subject_claim: email,
       groups_claim: realm_access.roles, admin_groups: [ops], tenant: acme, environment: sandbox}
)");
  EXPECT_EQ(lines_of(loaded, false), "");
  const AuthConfig& auth = loaded.config.auth;
  EXPECT_EQ(auth.token_lifetime_s, 600u);
  EXPECT_EQ(auth.signing_key_rotation_s, 90u * 86'400);
  EXPECT_EQ(auth.attempts_per_minute, 0u);
  EXPECT_EQ(auth.max_callers, 5u);
  EXPECT_EQ(auth.jwks_refresh_ms, 60'000u);
  EXPECT_EQ(auth.jwks_pause_ms, 2'000u);
  ASSERT_EQ(auth.oidc.size(), 2u);
  EXPECT_EQ(auth.oidc[0].subject_claim, "sub");
  EXPECT_EQ(auth.oidc[0].groups_claim, "groups");
  EXPECT_EQ(auth.oidc[0].tenant, "default");
  EXPECT_EQ(auth.oidc[1].groups_claim, "realm_access.roles");
  EXPECT_EQ(auth.oidc[1].admin_groups, std::vector<std::string>{"ops"});
  EXPECT_EQ(auth.oidc[1].environment, "sandbox");
  EXPECT_NE(lines_of(loaded, true).find("without TLS"), std::string::npos);
}

TEST(ConfigLoad, RefusesIssuersThatCannotWork) {
  const auto problem = [](const std::string& issuer) {
    return lines_of(load("auth: {oidc: [" + issuer + "]}\n"), false);
  };
  EXPECT_EQ(problem("{issuer: \"https://a\", audience: w}"), "");
  EXPECT_NE(problem("{issuer: \"https://a\"}").find("audience"), std::string::npos);
  EXPECT_NE(problem("{issuer: corp, audience: w}").find("auth.oidc[0].issuer"), std::string::npos);
  EXPECT_NE(problem("{issuer: weir, audience: w, jwks_url: \"https://a\"}").find("own tokens"),
            std::string::npos);
  EXPECT_NE(problem("{issuer: \"https://a\", audience: w}, {issuer: \"https://a\", audience: w}")
                .find("twice"),
            std::string::npos);
  EXPECT_NE(problem("{issuer: \"https://a\", audience: w, groups_claim: \"\", admin_groups: [x]}")
                .find("groups_claim"),
            std::string::npos);
  EXPECT_NE(lines_of(load("auth: {token_lifetime: 25h}\n"), false).find("auth.token_lifetime"),
            std::string::npos);
}

TEST(ConfigLoad, NoReportHoldsASecret) {
  // Planted in every place that takes a secret, with a mistake beside it.
  const LoadedConfig loaded = load(
      "admin_key: sk-planted-1\n"
      "keys: [{name: a, key: sk-planted-2}, {name: b, key: sk-planted-2}]\n"
      "providers: [{name: p, type: openai, data: {apikey: sk-planted-3, base_url: 'x://sk-planted'}"
      ", proxy: 'http://u:sk-planted-4@h', headers: {x-key: \"sk-planted\\x01\"}}]\n"
      "log: {metrics_key: [sk-planted-5]}\n");
  EXPECT_FALSE(loaded.usable());
  EXPECT_EQ((lines_of(loaded, true) + lines_of(loaded, false)).find("sk-planted"),
            std::string::npos);
  EXPECT_NE(lines_of(loaded, true).find("a secret in clear"), std::string::npos);
}

TEST(ConfigLoad, ReadsSecretsFromFiles) {
  const std::string file = testing::TempDir() + "/weir-secret";
  std::ofstream(file) << "from-a-file\n";
  const LoadedConfig loaded = config_load_text("admin_key: file:weir-secret\n", "w.yaml",
                                               testing::TempDir(), test::fake_options());
  EXPECT_EQ(lines_of(loaded, false), "");
  EXPECT_EQ(loaded.config.admin_key.reveal(), "from-a-file");
}

TEST(ConfigLoad, NamesAFileThatIsNotThere) {
  const LoadedConfig loaded = config_load("/nowhere/weir.yaml", test::fake_options());
  EXPECT_EQ(loaded.first_error(),
            "cannot read the configuration \"/nowhere/weir.yaml\": No such file or directory");
}

TEST(ConfigLoad, ProviderAloneIsEnoughForAModel) {
  const LoadedConfig loaded = load(std::string(kProvider) + "models: [{provider: p, id: m}]\n");
  EXPECT_EQ(lines_of(loaded, false), "");
  EXPECT_EQ(lines_of(loaded, true), "");
}

}  // namespace

}  // namespace weir
