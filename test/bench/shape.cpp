#include "bench/shape.hpp"

#include <utility>

namespace allot::bench {

subject::subject(std::string name, const candidate& of, std::size_t instances) : name_(std::move(name)), of_(of) {
  for (std::size_t i = 0; i < instances; ++i) instances_.push_back(of.make(std::pmr::new_delete_resource()));
}

shape one_thread_shape(std::string name, std::string what, std::string measure,
                       std::function<std::function<double(std::pmr::memory_resource&)>()> prepare,
                       std::vector<goal> goals) {
  const auto prepared = [prepare = std::move(prepare)]() -> round_function {
    return [work = prepare()](const subject& s) { return readings{work(s.memory())}; };
  };
  return {std::move(name), std::move(what), {std::move(measure)}, shape::for_whom::one_thread, shape::starts::warm, 21,
          prepared,        std::move(goals)};
}

shape cold_twin(shape of) {
  of.name += "_cold";
  of.what += "; each round in a fresh process";
  of.start = shape::starts::cold;
  of.rounds = 5;
  of.goals.clear();
  return of;
}

}  // namespace allot::bench
