// A child process that writes to the store until it is killed, and what must be there afterwards.
//
// Write i makes the provider "p<i>" with a model and a limit; every third one removes the provider
// before it with all that it has. One write is one batch: it is there as a whole or not at all.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <set>
#include <string>

#include "control/store/store.h"
#include "make_objects.h"

namespace weir::test {

class CrashWrites {
 public:
  explicit CrashWrites(std::string file, uint32_t seed) : file_(std::move(file)), random_(seed) {
    remove_files();
  }
  ~CrashWrites() { remove_files(); }

  // Kills the writer at some moment of its next `most` writes.
  void round(int most) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(ends[1], most);
    close(ends[1]);
    const int wanted = static_cast<int>(random_() % static_cast<uint32_t>(most));
    int acknowledged = last_;
    const auto next = [&] { return read(ends[0], &acknowledged, sizeof acknowledged) > 0; };
    for (int i = 0; i < wanted && next(); ++i) {
    }
    usleep(static_cast<useconds_t>(random_() % 4'000));
    kill(child, SIGKILL);
    while (next()) {
    }
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "write " << acknowledged + 1 << " was refused";
    check(acknowledged);
  }
  [[nodiscard]] int written() const { return last_ + 1; }

 private:
  std::unique_ptr<Store> open() {
    auto sealer = Sealer::from_text(std::string(64, '7'));
    auto store = Store::open(file_, std::make_shared<const Sealer>(std::move(*sealer)), &options_);
    EXPECT_TRUE(store) << store.error();
    return store ? std::move(*store) : nullptr;
  }

  [[noreturn]] void write_until_killed(int acknowledge, int most) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto store = open();
    if (store == nullptr) _exit(1);
    for (int i = last_ + 1; i <= last_ + most; ++i) {
      if (!one_write(&store->catalog(), i) || !store->commit()) _exit(1);
      if (write(acknowledge, &i, sizeof i) != sizeof i) _exit(1);
    }
    for (;;) pause();
  }

  static bool one_write(Catalog* catalog, int i) {
    if (catalog->tenant(kDefaultTenant) == nullptr) {
      TenantObject tenant;
      tenant.tenant = kDefaultTenant;
      if (!catalog->create(tenant, 1)) return false;
    }
    const std::string number = std::to_string(i);
    const auto provider = catalog->create(provider_object("p" + number, "key-" + number), 1);
    if (!provider) return false;
    const std::string uuid = (*provider)->uuid;
    if (!catalog->create(model_object(uuid, "m" + number, "a" + number), 1)) return false;
    if (!catalog->create(limit_object(LimitScope::kProvider, uuid), 1)) return false;
    if (i % 3 != 2) return true;
    const auto* before = catalog->provider(kDefaultTenant, "p" + std::to_string(i - 1));
    return before != nullptr &&
           catalog->remove<ProviderObject>(kDefaultTenant, before->uuid).has_value();
  }

  // All that was acknowledged, and at most the one write that was being made, whole.
  void check(int acknowledged) {
    const auto store = open();
    ASSERT_NE(store, nullptr);
    const Catalog& catalog = store->catalog();
    const bool one_more =
        catalog.provider(kDefaultTenant, "p" + std::to_string(acknowledged + 1)) != nullptr;
    last_ = acknowledged + (one_more ? 1 : 0);
    size_t there = 0;
    for (int i = 0; i <= last_; ++i) {
      const bool removed = i % 3 == 1 && i + 1 <= last_;
      const std::string number = std::to_string(i);
      const auto* provider = catalog.provider(kDefaultTenant, "p" + number);
      ASSERT_EQ(provider == nullptr, removed) << "write " << i << " of " << last_;
      if (removed) continue;
      ++there;
      ASSERT_EQ(provider->data[0].second.reveal(), "key-" + number);
      ASSERT_EQ(catalog.models_of(provider->uuid).size(), 1u);
    }
    ASSERT_EQ(catalog.table<ProviderObject>().size(), there);
    ASSERT_EQ(catalog.table<ModelObject>().size(), there);
    ASSERT_EQ(catalog.table<LimitObject>().size(), there);
  }

  void remove_files() {
    for (const char* end : {"", "-wal", "-shm"}) unlink((file_ + end).c_str());
  }

  std::string file_;
  std::mt19937 random_;
  ConfigOptions options_ = fake_options();
  int last_ = -1;
};

}  // namespace weir::test
