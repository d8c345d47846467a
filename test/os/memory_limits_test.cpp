#include <allot/os/memory_limits.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <string_view>

#include "../lib/os/linux_limit_texts.hpp"

using namespace allot;
using os::memory_limit;
using os::process_limits;

namespace {

constexpr std::size_t none = memory_limit::none;
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

/// Files of a system that is not this one, told in pieces of any size.
class made_up_files {
 public:
  explicit made_up_files(std::map<std::string, std::string> texts, std::size_t piece = 4096)
      : texts_(std::move(texts)), piece_(piece) {}

  template <class Use>
  void operator()(const char* path, Use use) const {
    const auto found = texts_.find(path);
    if (found == texts_.end()) return;
    const std::string_view text = found->second;
    for (std::size_t at = 0; at < text.size(); at += piece_) use(text.substr(at, piece_));
  }

 private:
  std::map<std::string, std::string> texts_;
  std::size_t piece_;
};

using texts = std::map<std::string, std::string>;

process_limits told_by(const texts& files, process_limits limits = {}) {
  os::limit_texts::complete(limits, made_up_files(files));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {  // pieces do not matter
    process_limits again;
    again.address_space.most = limits.address_space.most;
    again.data.most = limits.data.most;
    again.locked.most = limits.locked.most;
    os::limit_texts::complete(again, made_up_files(files, piece));
    BOOST_TEST(again.address_space.left == limits.address_space.left);
    BOOST_TEST(again.data.left == limits.data.left);
    BOOST_TEST(again.locked.left == limits.locked.left);
    BOOST_TEST(again.control_group.most == limits.control_group.most);
    BOOST_TEST(again.control_group.left == limits.control_group.left);
    BOOST_TEST(again.physical.left == limits.physical.left);
    BOOST_TEST(again.mappings.left == limits.mappings.left);
  }
  return limits;
}

void check(const memory_limit& limit, std::size_t most, std::size_t left) {
  BOOST_TEST(limit.most == most);
  BOOST_TEST(limit.left == left);
}

const std::string version_1_mount =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory\n";
const std::string version_2_mount =
    "25 30 0:23 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(memory_limits)

BOOST_AUTO_TEST_CASE(this_system_is_asked_without_touching_errno) {
  errno = 77;
  const process_limits limits = os::memory_limits();
  BOOST_TEST(errno == 77);
  for (const memory_limit& each :
       {limits.address_space, limits.data, limits.control_group, limits.physical, limits.mappings}) {
    BOOST_TEST(each.most != 0u);
    BOOST_TEST((each.most != none || each.left == none));
  }
  if (sizeof(void*) == 8) BOOST_TEST(limits.physical.most != none);  // with 32 bits there is more than can be said
  BOOST_TEST(limits.physical.most > 16 * mib);
  BOOST_TEST(limits.physical.left > mib);
}

BOOST_AUTO_TEST_CASE(while_an_injection_lives_it_answers_instead_of_the_system) {
  process_limits answer;
  answer.control_group = {200 * mib, 100 * mib};
  {
    const os::limits_injection injection(answer);
    check(os::memory_limits().control_group, 200 * mib, 100 * mib);
    check(os::memory_limits().physical, none, none);
  }
  if (sizeof(void*) == 8) BOOST_TEST(os::memory_limits().physical.most != none);
}

BOOST_AUTO_TEST_CASE(a_system_that_tells_nothing_has_no_limits_but_those_of_the_process) {
  process_limits before;
  before.address_space = {100 * mib, 100 * mib};
  const process_limits limits = told_by({}, before);
  check(limits.address_space, 100 * mib, 100 * mib);
  for (const memory_limit& each : {limits.data, limits.control_group, limits.physical, limits.mappings})
    check(each, none, none);
}

BOOST_AUTO_TEST_CASE(what_the_process_uses_is_taken_from_its_limits) {
  const texts files{{"/proc/self/status",
                     "Name:\tgame\nVmPeak:\t  999999 kB\nVmSize:\t   40960 kB\nVmLck:\t      48 kB\n"
                     "VmData:\t    1024 kB\nThreads:\t1\n"}};
  process_limits before;
  before.address_space.most = 100 * mib;
  before.data.most = 10 * mib;
  before.locked.most = 64 * kib;
  const process_limits limits = told_by(files, before);
  check(limits.address_space, 100 * mib, 60 * mib);
  check(limits.data, 10 * mib, 9 * mib);
  check(limits.locked, 64 * kib, 16 * kib);

  before.address_space.most = mib;  // lowered after it was used
  check(told_by(files, before).address_space, mib, 0);
  check(told_by(files).address_space, none, none);
}

BOOST_AUTO_TEST_CASE(free_swap_counts_as_memory_of_the_machine) {
  texts files{{"/proc/meminfo",
               "MemTotal:       2468409 kB\nMemFree:        18559460 kB\nMemAvailable:   1024 kB\nSwapTotal: 9 kB\n"
               "SwapFree:              512 kB\n"}};
  check(told_by(files).physical, 2468409 * kib, 1536 * kib);
  files["/proc/meminfo"] = "MemTotal:       2048 kB\nMemAvailable:   1024 kB\n";
  check(told_by(files).physical, 2048 * kib, 1024 * kib);
  files["/proc/meminfo"] = "MemTotal:       2048 kB\n";  // an old system, which does not say what can be had
  check(told_by(files).physical, 2048 * kib, 2048 * kib);
}

BOOST_AUTO_TEST_CASE(mappings_are_counted) {
  texts files{{"/proc/sys/vm/max_map_count", "65530\n"}, {"/proc/self/maps", "a b\nc d\ne f\n"}};
  check(told_by(files).mappings, 65530, 65527);
  files["/proc/sys/vm/max_map_count"] = "2\n";
  check(told_by(files).mappings, 2, 0);
  files.erase("/proc/sys/vm/max_map_count");
  check(told_by(files).mappings, none, none);
}

BOOST_AUTO_TEST_CASE(a_group_of_version_2_allows_its_limit_without_its_use) {
  texts files{{"/proc/self/mountinfo", version_2_mount},
              {"/proc/self/cgroup", "0::/system.slice/game.service\n"},
              {"/sys/fs/cgroup/system.slice/game.service/memory.max", "104857600\n"},
              {"/sys/fs/cgroup/system.slice/game.service/memory.current", "31457280\n"}};
  check(told_by(files).control_group, 100 * mib, 70 * mib);
  files["/sys/fs/cgroup/system.slice/game.service/memory.max"] = "max\n";
  check(told_by(files).control_group, none, none);
}

BOOST_AUTO_TEST_CASE(groups_around_the_own_one_count) {
  texts files{{"/proc/self/mountinfo", version_2_mount},           {"/proc/self/cgroup", "0::/a/b/c\n"},
              {"/sys/fs/cgroup/a/memory.max", "104857600\n"},      {"/sys/fs/cgroup/a/memory.current", "94371840\n"},
              {"/sys/fs/cgroup/a/b/memory.max", "max\n"},          {"/sys/fs/cgroup/a/b/c/memory.max", "52428800\n"},
              {"/sys/fs/cgroup/a/b/c/memory.current", "1048576\n"}};
  check(told_by(files).control_group, 100 * mib, 10 * mib);
  files["/sys/fs/cgroup/a/memory.current"] = "1048576\n";
  check(told_by(files).control_group, 50 * mib, 49 * mib);
  files["/sys/fs/cgroup/memory.max"] = "1048576\n";  // the top as a container sees it
  check(told_by(files).control_group, mib, mib);
  files["/sys/fs/cgroup/ab/memory.max"] = "1\n";  // not around it
  check(told_by(files).control_group, mib, mib);
}

BOOST_AUTO_TEST_CASE(a_group_of_version_1_is_that_of_the_memory_controller) {
  texts files{{"/proc/self/mountinfo", version_1_mount},
              {"/proc/self/cgroup", "5:cpu:/other\n4:memory:/docker/abc\n1:name=systemd:/\n0::/\n"},
              {"/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "104857600\n"},
              {"/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "31457280\n"},
              {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
              {"/sys/fs/cgroup/memory/memory.usage_in_bytes", "31457280\n"},
              {"/sys/fs/cgroup/memory/other/memory.limit_in_bytes", "1\n"}};
  check(told_by(files).control_group, 100 * mib, 70 * mib);
  files["/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes"] = "9223372036854771712\n";
  check(told_by(files).control_group, none, none);
}

BOOST_AUTO_TEST_CASE(a_mount_that_shows_part_of_the_tree_is_understood) {
  texts files{
      {"/proc/self/mountinfo", "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory\n"},
      {"/proc/self/cgroup", "4:memory:/docker/abc/inner\n"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n"},
      {"/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "52428800\n"}};
  check(told_by(files).control_group, 50 * mib, 50 * mib);
  // Not in what is shown: the top is the best there is.
  for (const char* group : {"4:memory:/docker/abcd\n", "4:memory:/docker\n", "4:memory:/docker/abc/../x\n"}) {
    files["/proc/self/cgroup"] = group;
    check(told_by(files).control_group, 100 * mib, 100 * mib);
  }
}

BOOST_AUTO_TEST_CASE(files_a_group_has_in_memory_count_as_left) {
  texts files{{"/proc/self/mountinfo", version_2_mount},
              {"/proc/self/cgroup", "0::/g\n"},
              {"/sys/fs/cgroup/g/memory.max", "104857600\n"},
              {"/sys/fs/cgroup/g/memory.current", "94371840\n"},
              {"/sys/fs/cgroup/g/memory.stat", "anon 10485760\ninactive_file 52428800\nactive_file 31457280\n"}};
  check(told_by(files).control_group, 100 * mib, 90 * mib);
  files["/sys/fs/cgroup/g/memory.stat"] = "inactive_file 999999999999\nactive_file 1\n";  // never more than there is
  check(told_by(files).control_group, 100 * mib, 100 * mib);

  const texts version_1{{"/proc/self/mountinfo", version_1_mount},
                        {"/proc/self/cgroup", "4:memory:/g\n"},
                        {"/sys/fs/cgroup/memory/g/memory.limit_in_bytes", "104857600\n"},
                        {"/sys/fs/cgroup/memory/g/memory.usage_in_bytes", "94371840\n"},
                        {"/sys/fs/cgroup/memory/g/memory.stat",
                         "inactive_file 1\ntotal_inactive_file 31457280\ntotal_active_file 10485760\n"}};
  check(told_by(version_1).control_group, 100 * mib, 50 * mib);
}

BOOST_AUTO_TEST_CASE(swap_a_group_may_use_counts_as_left) {
  const std::string meminfo = "MemTotal: 24684092 kB\nMemAvailable: 20000000 kB\nSwapFree: 20480 kB\n";
  texts files{{"/proc/meminfo", meminfo},
              {"/proc/self/mountinfo", version_2_mount},
              {"/proc/self/cgroup", "0::/g\n"},
              {"/sys/fs/cgroup/g/memory.max", "104857600\n"},
              {"/sys/fs/cgroup/g/memory.current", "94371840\n"}};
  check(told_by(files).control_group, 100 * mib, 30 * mib);
  files["/sys/fs/cgroup/g/memory.swap.max"] = "5242880\n";
  files["/sys/fs/cgroup/g/memory.swap.current"] = "1048576\n";
  check(told_by(files).control_group, 100 * mib, 14 * mib);
  files["/sys/fs/cgroup/g/memory.swap.max"] = "0\n";
  check(told_by(files).control_group, 100 * mib, 10 * mib);

  texts version_1{{"/proc/meminfo", meminfo},
                  {"/proc/self/mountinfo", version_1_mount},
                  {"/proc/self/cgroup", "4:memory:/g\n"},
                  {"/sys/fs/cgroup/memory/g/memory.limit_in_bytes", "104857600\n"},
                  {"/sys/fs/cgroup/memory/g/memory.usage_in_bytes", "94371840\n"}};
  check(told_by(version_1).control_group, 100 * mib, 30 * mib);
  version_1["/sys/fs/cgroup/memory/g/memory.memsw.limit_in_bytes"] = "110100480\n";
  version_1["/sys/fs/cgroup/memory/g/memory.memsw.usage_in_bytes"] = "94371840\n";
  check(told_by(version_1).control_group, 100 * mib, 15 * mib);
}

BOOST_AUTO_TEST_CASE(both_versions_at_once_are_heard) {
  texts files{{"/proc/self/mountinfo",
               version_1_mount + "38 31 0:35 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"},
              {"/proc/self/cgroup", "4:memory:/g\n0::/h\n"},
              {"/sys/fs/cgroup/memory/g/memory.limit_in_bytes", "104857600\n"}};
  check(told_by(files).control_group, 100 * mib, 100 * mib);
  files["/sys/fs/cgroup/unified/h/memory.max"] = "52428800";
  check(told_by(files).control_group, 50 * mib, 50 * mib);
}

BOOST_AUTO_TEST_CASE(lines_beyond_all_reason_are_left_out) {
  const std::string long_line(20000, 'x');
  texts files{{"/proc/meminfo",
               long_line + "\nMemTotal: 2048 kB\nMemTotal: 1 kB " + long_line + "\nMemTotal: 1 kB " + long_line},
              {"/proc/self/mountinfo", version_2_mount},
              {"/proc/self/cgroup", "0::/" + long_line + "\n0::/" + std::string(5000, 'y') + "\n"}};
  check(told_by(files).physical, 2048 * kib, 2048 * kib);
  check(told_by(files).control_group, none, none);
}

BOOST_AUTO_TEST_CASE(numbers_that_are_none_or_do_not_fit_are_no_limits) {
  using os::limit_texts::number_in;
  BOOST_TEST(number_in("12") == 12u);
  BOOST_TEST(number_in(" \t 12 kB") == 12u);
  BOOST_TEST(number_in("12x") == 12u);
  BOOST_TEST(number_in("0") == 0u);
  for (const char* text :
       {"", " ", "max", "-1", "kB 1", "99999999999999999999", "18446744073709551616", "18446744073709551615000000000"})
    BOOST_TEST(number_in(text) == none);
  check(told_by({{"/proc/meminfo", "MemTotal: 99999999999999999999 kB\n"}}).physical, none, none);
  check(told_by({{"/proc/meminfo", "MemTotal: 18446744073709551615 kB\n"}}).physical, none, none);
}

BOOST_AUTO_TEST_CASE(no_text_is_trusted) {
  const texts sound{{"/proc/self/status", "VmSize:\t   40960 kB\nVmData:\t    1024 kB\n"},
                    {"/proc/meminfo", "MemTotal: 24684092 kB\nMemAvailable: 20000000 kB\nSwapFree: 20480 kB\n"},
                    {"/proc/sys/vm/max_map_count", "65530\n"},
                    {"/proc/self/maps", "a\nb\n"},
                    {"/proc/self/mountinfo", version_1_mount + version_2_mount},
                    {"/proc/self/cgroup", "4:memory:/a/b\n0::/a/b\n"},
                    {"/sys/fs/cgroup/a/b/memory.max", "104857600\n"},
                    {"/sys/fs/cgroup/a/b/memory.current", "94371840\n"},
                    {"/sys/fs/cgroup/a/b/memory.stat", "inactive_file 52428800\nactive_file 31457280\n"}};
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    texts broken = sound;
    for (auto& [path, text] : broken) {
      for (int change = 0; change < 3; ++change) {
        if (random() % 3 != 0 || text.empty()) continue;
        const std::size_t at = random() % text.size();
        switch (random() % 4) {
          case 0:
            text[at] = static_cast<char>(random() % 256);
            break;
          case 1:
            text.erase(at, random() % 20);
            break;
          case 2:
            text.insert(at, text.substr(random() % text.size(), random() % 40));
            break;
          default:
            text.resize(at);
        }
      }
    }
    process_limits limits;
    limits.address_space.most = 100 * mib;
    os::limit_texts::complete(limits, made_up_files(broken, 1 + random() % 50));
    BOOST_TEST(limits.address_space.left <= 100 * mib);
  }
}

BOOST_AUTO_TEST_SUITE_END()
