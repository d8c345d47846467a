// A server of pages whose memory is a stack of adaptors, put together in code. All blocks come from one pool; what
// stands on it says who may take how much, who took what, and what is to be seen of it:
//
//     a request                          the cache
//        |                                   |
//     fallback_resource                  statistics_resource
//        |          \                        |
//     local_arena    \                   limiting_resource: drops old pages first, then refuses
//     (on the stack)  \                      |
//                      +-- statistics_resource, for threads: the whole server --+
//                                            |
//                                     tracing_resource: switched on while somebody looks
//                                            |
//                                     synchronized_resource: one thread at a time
//                                            |
//                                       pool_resource: for one thread

#include <allot/adaptor/fallback_resource.hpp>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/adaptor/statistics_resource.hpp>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/adaptor/tracing_resource.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/event_sink.hpp>
#include <allot/pool/pool_resource.hpp>
#include <iostream>
#include <list>
#include <memory_resource>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

/// Says what happened to large blocks, without addresses.
class large_blocks_sink final : public allot::event_sink {
 public:
  void write(const allot::memory_event& event) override {
    if (event.bytes < 1000) return;
    std::cout << "  " << event.resource << ": " << name_of(event.kind) << ' ' << event.bytes << " bytes\n";
    ++told_;
  }
  int told() const { return told_; }

 private:
  int told_ = 0;
};

/// What all of the server's memory comes from. Members stand in the order in which they stand on each other.
struct server_memory {
  allot::pool_resource pool{std::pmr::new_delete_resource()};
  allot::synchronized_resource<std::mutex, allot::pool_resource> shared{pool};
  large_blocks_sink sink;
  allot::tracing_resource traced{shared, sink, {false, "server"}};
  allot::statistics_resource counted{traced, {true, "server"}};
};

/// Keeps pages until they are too many: above the soft limit the oldest go, and the hard limit is never passed.
class page_cache {
 public:
  explicit page_cache(allot::upstream_ref upstream)
      : limited_(upstream, limits()), counted_(limited_), pages_(&counted_) {}

  /// Whether the page could be kept.
  bool keep(std::string_view name, std::size_t size) {
    try {
      std::pmr::list<page> made(&counted_);  // apart: while it is made the handler may drop pages
      made.emplace_back(name, std::pmr::string(size, '.', &counted_));
      pages_.splice(pages_.end(), made);
      return true;
    } catch (const allot::allocation_error& e) {
      std::cout << "  " << e.what() << '\n';
      return false;
    }
  }

  std::string names() const {
    std::string all;
    for (const page& kept : pages_) all.append(kept.first).append(" ");
    return all;
  }
  allot::allocation_statistics statistics() const { return counted_.snapshot(); }

 private:
  using page = std::pair<std::pmr::string, std::pmr::string>;

  allot::limiting_options limits() {
    allot::limiting_options options;
    options.limit = 12000;
    options.soft_limit = 10000;
    options.handler = [](const allot::memory_pressure&, void* cache) {
      return static_cast<page_cache*>(cache)->drop_oldest();
    };
    options.handler_context = this;
    options.name = "cache";
    return options;
  }
  bool drop_oldest() {
    if (pages_.empty()) return false;
    pages_.pop_front();
    return true;
  }

  allot::limiting_resource limited_;
  allot::statistics_resource counted_;
  std::pmr::list<page> pages_;
};

/// Splits a text into words and joins them again, as an example of what takes memory while a request lasts. What it
/// needs is on the stack as long as it fits.
std::size_t serve(std::string_view text, allot::upstream_ref heap) {
  allot::local_arena<4096> here;
  allot::fallback_resource memory{{here, heap}};
  std::pmr::vector<std::pmr::string> words(&memory);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    words.emplace_back(word);
    text.remove_prefix(word.size() == text.size() ? word.size() : word.size() + 1);
  }
  std::pmr::string joined(&memory);
  for (const std::pmr::string& word : words) joined.append(word).append("+");
  return joined.size();
}

std::string text_of(std::size_t words) {
  std::string text;
  for (std::size_t i = 0; i < words; ++i) text += "word ";
  return text;
}

std::size_t blocks_of_a_request(server_memory& memory, std::size_t words) {
  memory.counted.push();
  const std::size_t size = serve(text_of(words), memory.counted);
  const std::size_t blocks = memory.counted.pop().total_blocks;
  std::cout << "  " << words << " words, " << size
            << " characters: " << (blocks == 0 ? "all of it on the stack" : "some of it from the pool") << '\n';
  return blocks;
}

}  // namespace

int main() {
  server_memory memory;
  bool good = true;

  std::cout << "requests\n";
  good = blocks_of_a_request(memory, 10) == 0 && good;
  good = blocks_of_a_request(memory, 1000) > 0 && good;

  std::cout << "the cache\n";
  {
    page_cache cache(memory.counted);
    for (const char* name : {"index", "news", "about", "help"}) {
      good = cache.keep(name, 3000) && good;
      std::cout << "  with " << name << ": " << cache.names() << '\n';
    }
    good = !cache.keep("everything", 50000) && cache.names() == "news about help " && good;
    const allot::allocation_statistics counts = cache.statistics();
    std::cout << "  refused: " << counts.failures << ", peak below the limit: " << (counts.peak_bytes <= 12000)
              << ", holds " << cache.names() << '\n';
    good = counts.failures == 1 && counts.peak_bytes <= 12000 && good;
  }

  std::cout << "one request while somebody looks\n";
  memory.traced.enable();
  serve(text_of(300), memory.counted);
  memory.traced.disable();
  const int told = memory.sink.told();
  serve(text_of(300), memory.counted);
  good = told > 0 && memory.sink.told() == told && memory.traced.lost() == 0 && good;

  std::cout << "four threads\n";
  const allot::allocation_statistics before = memory.counted.snapshot();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&memory, text = text_of(500)] {
      for (int request = 0; request < 50; ++request) serve(text, memory.counted);
    });
  for (std::thread& thread : threads) thread.join();
  const allot::allocation_statistics through = difference(before, memory.counted.snapshot());
  const bool alike = through.total_blocks % 200 == 0 && through.total_blocks != 0;
  std::cout << "  200 requests " << (alike ? "took the same each" : "differed") << ", " << through.live_blocks
            << " blocks are live\n";
  good = alike && through.live_blocks == 0 && memory.pool.usage().used == 0 && memory.pool.check() && good;

  std::cout << (good ? "all as it should be\n" : "something is wrong\n");
  return good ? 0 : 1;
}
