#include "candidates.hpp"

#include <allot/config/config.hpp>
#include <memory>
#include <utility>

namespace allot::tool {
namespace {

/// One config's resources, for as long as one replay has any of them.
class config_stack {
 public:
  config_stack(std::string text, std::string source) : text_(std::move(text)), source_(std::move(source)) {
    check_config(text_, source_, settings());
  }

  std::shared_ptr<std::pmr::memory_resource> operator()(std::string_view wanted) {
    std::shared_ptr<resource_set> set = set_.lock();
    if (set == nullptr) {
      set = std::make_shared<resource_set>(parse_config(text_, source_, settings()));
      set_ = set;
    }
    std::pmr::memory_resource* const found = set->serving(wanted);
    if (found == nullptr)
      throw config_error(source_, 0, 0, "default", "neither a resource \"" + std::string(wanted) + "\" nor a default");
    return {std::move(set), found};
  }

 private:
  static config_settings settings() {
    config_settings made;
    made.install_default = false;
    return made;
  }

  std::string text_;
  std::string source_;
  std::weak_ptr<resource_set> set_;
};

}  // namespace

config_candidate candidate_from(std::string name, const std::string& config, const std::string& source_name) {
  return {config, {std::move(name), config_stack(config, source_name)}};
}

}  // namespace allot::tool
