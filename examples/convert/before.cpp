// The tickets of a help desk, kept with malloc: commands on standard input, reports on standard output. after.cpp is
// the same program on memory resources; docs/convert.md walks from one to the other.
//
//   open NUMBER OWNER TITLE     note NUMBER TEXT     close NUMBER     report

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct note {
  note* next;
  char* text;
};

struct ticket {
  ticket* next;  // in its bucket
  long number;
  char* owner;
  char* title;
  note* notes;
  note** end_of_notes;
  int note_count;
};

struct closed_ticket {
  long number;
  int note_count;
};

struct desk {
  ticket* buckets[1024];
  std::size_t open_count;
  closed_ticket* closed;
  std::size_t closed_count;
  std::size_t closed_room;
  std::size_t busiest;  // an index: realloc moves the array
  int reports;
};

void* or_exit(void* p) {
  if (p != nullptr) return p;
  std::fputs("out of memory\n", stderr);
  std::exit(1);
}

char* copy_of(const char* text) {
  const std::size_t size = std::strlen(text) + 1;
  return static_cast<char*>(std::memcpy(or_exit(std::malloc(size)), text, size));
}

ticket** find(desk* d, long number) {
  ticket** at = &d->buckets[number % 1024];
  while (*at != nullptr && (*at)->number != number) at = &(*at)->next;
  return at;
}

void free_ticket(ticket* t) {
  for (note* n = t->notes; n != nullptr;) {
    note* next = n->next;
    std::free(n->text);
    std::free(n);
    n = next;
  }
  std::free(t->owner);
  std::free(t->title);
  std::free(t);
}

const char* open_ticket(desk* d, long number, const char* owner, const char* title) {
  ticket** at = find(d, number);
  if (*at != nullptr) return "is open already";
  ticket* t = static_cast<ticket*>(or_exit(std::malloc(sizeof(ticket))));
  *t = ticket{nullptr, number, copy_of(owner), copy_of(title), nullptr, nullptr, 0};
  t->end_of_notes = &t->notes;
  *at = t;
  ++d->open_count;
  return nullptr;
}

const char* add_note(desk* d, long number, const char* text) {
  ticket* t = *find(d, number);
  if (t == nullptr) return "is not open";
  note* n = static_cast<note*>(or_exit(std::malloc(sizeof(note))));
  *n = note{nullptr, copy_of(text)};
  *t->end_of_notes = n;
  t->end_of_notes = &n->next;
  ++t->note_count;
  return nullptr;
}

const char* close_ticket(desk* d, long number) {
  ticket** at = find(d, number);
  ticket* t = *at;
  if (t == nullptr) return "is not open";
  if (d->closed_count == d->closed_room) {
    d->closed_room = d->closed_room == 0 ? 16 : d->closed_room * 2;
    d->closed = static_cast<closed_ticket*>(or_exit(std::realloc(d->closed, d->closed_room * sizeof(closed_ticket))));
  }
  d->closed[d->closed_count] = closed_ticket{number, t->note_count};
  if (t->note_count > d->closed[d->busiest].note_count) d->busiest = d->closed_count;
  ++d->closed_count;
  *at = t->next;
  free_ticket(t);
  --d->open_count;
  return nullptr;
}

int by_owner_and_number(const void* left, const void* right) {
  const ticket* a = *static_cast<ticket* const*>(left);
  const ticket* b = *static_cast<ticket* const*>(right);
  const int owners = std::strcmp(a->owner, b->owner);
  return owners != 0 ? owners : a->number < b->number ? -1 : 1;
}

void report(desk* d) {
  std::printf("report %d: %zu open, %zu closed\n", ++d->reports, d->open_count, d->closed_count);
  ticket** sorted = static_cast<ticket**>(or_exit(std::malloc((d->open_count + 1) * sizeof(ticket*))));
  std::size_t count = 0;
  for (ticket* t : d->buckets)
    for (; t != nullptr; t = t->next) sorted[count++] = t;
  std::qsort(sorted, count, sizeof(ticket*), by_owner_and_number);
  const char* owner = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const ticket* t = sorted[i];
    if (owner == nullptr || std::strcmp(owner, t->owner) != 0) std::printf("%s\n", owner = t->owner);
    std::printf("  %ld %s\n", t->number, t->title);
    for (const note* n = t->notes; n != nullptr; n = n->next) std::printf("    %s\n", n->text);
  }
  std::free(sorted);
  if (d->closed_count != 0)
    std::printf("busiest of the closed: %ld with %d notes\n", d->closed[d->busiest].number,
                d->closed[d->busiest].note_count);
}

char* cut_word(char** rest) {
  char* word = *rest;
  char* blank = std::strchr(word, ' ');
  *rest = blank != nullptr ? blank + 1 : word + std::strlen(word);
  if (blank != nullptr) *blank = '\0';
  return word;
}

/// What is wrong with a command, or null.
const char* obey(desk* d, char* line, long* number) {
  const char* command = cut_word(&line);
  *number = 0;
  if (std::strcmp(command, "report") == 0) return report(d), nullptr;
  const char* digits = cut_word(&line);
  if (*digits == '\0' || std::strlen(digits) > 9 || digits[std::strspn(digits, "0123456789")] != '\0')
    return "is no number of a ticket";
  *number = std::strtol(digits, nullptr, 10);
  if (std::strcmp(command, "open") == 0) {
    const char* owner = cut_word(&line);
    return open_ticket(d, *number, owner, line);
  }
  if (std::strcmp(command, "note") == 0) return add_note(d, *number, line);
  if (std::strcmp(command, "close") == 0) return close_ticket(d, *number);
  return "comes with a command that is none";
}

/// The next line without its end, in a buffer that grows and is freed by the caller; null at the end.
char* read_line(char** buffer, std::size_t* room) {
  std::size_t size = 0;
  for (int c = 0; (c = std::getchar()) != EOF || size != 0;) {
    if (size + 1 >= *room) {
      *room = *room == 0 ? 64 : *room * 2;
      *buffer = static_cast<char*>(or_exit(std::realloc(*buffer, *room)));
    }
    (*buffer)[size] = '\0';
    if (c == '\n' || c == EOF) return *buffer;
    (*buffer)[size++] = static_cast<char>(c);
  }
  return nullptr;
}

}  // namespace

int main() {
  desk d = {};
  char* buffer = nullptr;
  std::size_t room = 0;
  for (char* line = nullptr; (line = read_line(&buffer, &room)) != nullptr;) {
    long number = 0;
    const char* wrong = obey(&d, line, &number);
    if (wrong != nullptr) std::printf("refused: %ld %s\n", number, wrong);
  }
  std::free(buffer);
  for (ticket* t : d.buckets)
    while (t != nullptr) {
      ticket* next = t->next;
      free_ticket(t);
      t = next;
    }
  std::free(d.closed);
  return 0;
}
