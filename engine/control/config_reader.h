// Takes the fields of one map out of the parsed file, with type checks and good errors.
//
// Every get_* both reads a field and makes its name known; finish() then reports the fields that
// nobody asked for. A problem leaves the target unchanged, so that reading goes on and all problems
// are found. Used while a file is loaded; one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "control/config.h"
#include "control/config_problem.h"
#include "control/config_yaml.h"

namespace weir {

struct ConfigContext {
  ConfigProblems* problems = nullptr;
  std::string folder;           // relative paths start here
  bool resolve_secrets = true;  // false: references stay unread
};

// Printable, 1 to 128 bytes, valid UTF-8; null, or what is wrong with it.
[[nodiscard]] const char* name_problem(std::string_view name);

class ConfigReader {
 public:
  // `node` that is no map is reported here, once; the reader is empty then.
  ConfigReader(ConfigContext& context, const ConfigNode& node, std::string path);

  // The field's value, or null; makes the name known.
  const ConfigNode* take(std::string_view field);
  // Reports the field as missing when it is.
  const ConfigNode* need(std::string_view field);

  void get_text(std::string_view field, std::string* out);
  void get_name(std::string_view field, std::string* out);
  void get_flag(std::string_view field, bool* out);
  void get_count(std::string_view field, uint64_t lowest, uint64_t highest, uint64_t* out);
  void get_count(std::string_view field, uint64_t lowest, uint64_t highest, uint32_t* out);
  void get_weight(std::string_view field, uint32_t lowest, uint32_t highest,
                  std::optional<uint32_t>* out);
  void get_size(std::string_view field, uint64_t lowest, uint64_t highest, uint64_t* out);
  // Milliseconds, rounded up.
  void get_duration(std::string_view field, uint32_t lowest_ms, uint32_t* out);
  // Go durations as above, or a number of seconds.
  void get_duration_or_seconds(std::string_view field, uint32_t* out);
  // `later`: it may be a reference to a vault, without a value for now.
  void get_secret(std::string_view field, Secret* out, bool later = false);
  void get_names(std::string_view field, std::vector<std::string>* out);
  // The place of the field's text in `names`; -1 when absent or none of them.
  int get_choice(std::string_view field, std::initializer_list<std::string_view> names);

  // Calls `use(node, path)` on each member of a list of maps.
  template <typename Use>
  void each(std::string_view field, Use use) {
    const ConfigNode* list = take(field);
    if (list == nullptr || !expect_list(*list, field)) return;
    for (size_t i = 0; i < list->items.size(); ++i) {
      use(list->items[i], path_of(field) + "[" + std::to_string(i) + "]");
    }
  }

  void finish();

  void error(const ConfigNode& node, std::string_view field, std::string text);
  // `field`: the member that it is about; empty: the whole.
  void error_here(std::string text, std::string field = {});
  void warn(const ConfigNode& node, std::string_view field, std::string text);
  [[nodiscard]] std::string path_of(std::string_view field) const;
  [[nodiscard]] FilePosition at() const { return node_ != nullptr ? node_->at : at_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::vector<ConfigMember>& members() const;
  [[nodiscard]] ConfigContext& context() { return context_; }

  // Reads a secret that is not a field of its own (headers, data).
  void secret_read(const ConfigNode& node, std::string_view field, Secret* out, bool later);
  bool expect_scalar(const ConfigNode& node, std::string_view field, const char* what);
  bool expect_list(const ConfigNode& node, std::string_view field);

 private:
  ConfigContext& context_;
  const ConfigNode* node_ = nullptr;
  FilePosition at_;
  std::string path_;
  std::vector<std::string_view> known_;
};

}  // namespace weir
