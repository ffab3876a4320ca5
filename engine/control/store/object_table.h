// Objects of one kind by uuid, and by every text under which they are looked for.
//
// A part of Catalog; control thread. Pointers last until the object is replaced or removed.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir {

struct IndexKey {
  std::string text;
  bool unique = false;  // no two objects may have it
};

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

template <typename T>
class ObjectTable {
 public:
  [[nodiscard]] const T* find(std::string_view uuid) const {
    const auto found = objects_.find(uuid);
    return found == objects_.end() ? nullptr : &found->second.object;
  }
  // All under that text, the oldest first.
  [[nodiscard]] std::vector<const T*> all(std::string_view text) const {
    const auto found = index_.find(text);
    if (found == index_.end()) return {};
    std::vector<const T*> out = found->second;
    std::sort(out.begin(), out.end(), [](const T* a, const T* b) { return older(*a, *b); });
    return out;
  }
  [[nodiscard]] const T* oldest(std::string_view text) const {
    const auto found = index_.find(text);
    if (found == index_.end()) return nullptr;
    return *std::min_element(found->second.begin(), found->second.end(),
                             [](const T* a, const T* b) { return older(*a, *b); });
  }
  [[nodiscard]] size_t count(std::string_view text) const {
    const auto found = index_.find(text);
    return found == index_.end() ? 0 : found->second.size();
  }
  // Another object that holds one of the unique texts.
  [[nodiscard]] const T* rival(const T& object, const std::vector<IndexKey>& keys) const {
    for (const IndexKey& key : keys) {
      const auto found = key.unique ? index_.find(key.text) : index_.end();
      if (found == index_.end()) continue;
      for (const T* other : found->second) {
        if (other->uuid != object.uuid) return other;
      }
    }
    return nullptr;
  }

  const T* put(T object, std::vector<IndexKey> keys) {
    erase(object.uuid);
    std::string uuid = object.uuid;
    Entry& entry = objects_[std::move(uuid)];
    entry = {std::move(object), std::move(keys)};
    for (const IndexKey& key : entry.keys) index_[key.text].push_back(&entry.object);
    return &entry.object;
  }
  void erase(std::string_view uuid) {
    const auto found = objects_.find(uuid);
    if (found == objects_.end()) return;
    for (const IndexKey& key : found->second.keys) {
      const auto at = index_.find(key.text);
      if (at == index_.end()) continue;  // the object had the same text twice
      std::erase(at->second, &found->second.object);
      if (at->second.empty()) index_.erase(at);
    }
    objects_.erase(found);
  }
  [[nodiscard]] size_t size() const { return objects_.size(); }
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [uuid, entry] : objects_) visit(entry.object);
  }

  // Those of the file stand before those of the API.
  [[nodiscard]] static bool older(const T& a, const T& b) {
    return a.from_file != b.from_file ? a.from_file : a.order < b.order;
  }

 private:
  struct Entry {
    T object;
    std::vector<IndexKey> keys;
  };
  std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> objects_;
  std::unordered_map<std::string, std::vector<const T*>, TextHash, std::equal_to<>> index_;
};

}  // namespace weir
