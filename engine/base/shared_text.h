// Text that is made once and held by many records: copies share its bytes, which never change.
//
// Reads as a std::string_view that lives as long as any copy. The count of holders is changed by
// copies and ends only; records with such texts are copied and freed on the control thread, workers
// just read them. An empty text holds nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

class SharedText {
 public:
  SharedText() = default;
  SharedText(std::string text) {
    if (text.empty()) return;
    kept_ = std::make_shared<const std::string>(std::move(text));
    view_ = *kept_;
  }
  SharedText(const char* text) : SharedText(std::string(text)) {}
  ~SharedText() = default;
  SharedText(const SharedText&) = default;
  SharedText& operator=(const SharedText&) = default;
  SharedText(SharedText&& other) noexcept
      : kept_(std::move(other.kept_)), view_(std::exchange(other.view_, {})) {}
  SharedText& operator=(SharedText&& other) noexcept {
    kept_ = std::move(other.kept_);
    view_ = std::exchange(other.view_, {});
    return *this;
  }

  [[nodiscard]] std::string_view view() const { return view_; }
  operator std::string_view() const { return view_; }
  [[nodiscard]] bool empty() const { return view_.empty(); }
  [[nodiscard]] size_t size() const { return view_.size(); }
  void clear() { *this = SharedText(); }

  friend bool operator==(const SharedText& a, std::string_view b) { return a.view_ == b; }

 private:
  std::shared_ptr<const std::string> kept_;
  std::string_view view_;
};

}  // namespace weir
