#include <allot/core/log_link.hpp>

namespace allot {

std::atomic<unsigned> log_link::version{0};

}  // namespace allot
