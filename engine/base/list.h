// Intrusive doubly linked list. A node is in at most one list; unlinking needs no list and is
// legal on a node that is not linked. The list never owns its nodes. One thread.
#pragma once

#include "base/check.h"

namespace weir {

struct ListNode {
  ListNode* prev = nullptr;
  ListNode* next = nullptr;
  [[nodiscard]] bool linked() const { return next != nullptr; }
  void unlink() {
    if (next == nullptr) return;
    prev->next = next;
    next->prev = prev;
    prev = next = nullptr;
  }
};

// `List<T, &T::node>`: T embeds a ListNode by value as that member.
template <typename T, ListNode T::*member>
class List {
 public:
  List() { head_.prev = head_.next = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  [[nodiscard]] bool empty() const { return head_.next == &head_; }
  void push_front(T* item) { insert(&(item->*member), head_.next); }
  void push_back(T* item) { insert(&(item->*member), &head_); }
  [[nodiscard]] T* front() const { return empty() ? nullptr : owner(head_.next); }
  [[nodiscard]] T* back() const { return empty() ? nullptr : owner(head_.prev); }
  T* pop_front() {
    T* item = front();
    if (item != nullptr) (item->*member).unlink();
    return item;
  }
  // Visits every item; `visit` may unlink or free the item it is given, and no other.
  template <typename Visit>
  void for_each(Visit visit) {
    for (ListNode* node = head_.next; node != &head_;) {
      ListNode* next = node->next;
      visit(owner(node));
      node = next;
    }
  }

 private:
  static void insert(ListNode* node, ListNode* before) {
    WEIR_DCHECK(!node->linked());
    node->prev = before->prev;
    node->next = before;
    before->prev->next = node;
    before->prev = node;
  }
  static T* owner(ListNode* node) {
    // The offset of the member within T, found without a T (as every intrusive list must).
    alignas(T) static char probe[sizeof(T)];
    const auto* base = reinterpret_cast<const T*>(probe);
    const auto offset = reinterpret_cast<const char*>(&(base->*member)) - probe;
    return reinterpret_cast<T*>(reinterpret_cast<char*>(node) - offset);
  }
  ListNode head_;
};

}  // namespace weir
