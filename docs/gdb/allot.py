"""allot in gdb: "allot explain ADDRESS" says whose memory an address is in, "allot owners" lists who has memory, and arenas,
pools, heaps and vlarrays are printed in words.

    (gdb) source /usr/share/allot/gdb/allot.py
    (gdb) allot explain p
    (gdb) print arena

Works on a running program and on a core file: everything is read from memory, no function of the program is called. Names and
ranges need no debug information; what is in a block does, as do the printers.
"""

import struct

import gdb
import gdb.printing


class Memory:
    """The program's bytes, as numbers and texts."""

    def __init__(self):
        self.pointer_size = gdb.lookup_type("void").pointer().sizeof
        little = "little" in gdb.execute("show endian", to_string=True)
        self.order = "<" if little else ">"

    def read(self, address, size):
        return gdb.selected_inferior().read_memory(address, size).tobytes()

    def number(self, address, size):
        letter = {1: "B", 4: "I", 8: "Q"}[size]
        return struct.unpack(self.order + letter, self.read(address, size))[0]

    def pointer(self, address):
        return self.number(address, self.pointer_size)

    def text(self, address, size):
        return self.read(address, size).decode("utf-8", "replace") if size else ""


class Range:
    def __init__(self, memory, view, at, prefix=""):
        self.begin = memory.pointer(at + view[prefix + "begin"])
        self.end = memory.pointer(at + view[prefix + "end"])
        tag = at + view[prefix + "tag"]
        self.stamp = memory.number(tag + view["stamp"], 8)
        self.kind = memory.text(memory.pointer(tag + view["kind"]), memory.number(tag + view["kind_size"], 4))
        self.name = memory.text(tag + view["name"], memory.number(tag + view["name_size"], 4))

    @property
    def size(self):
        return self.end - self.begin

    def who(self):
        return "'%s' (%s)" % (self.name, self.kind) if self.name else "a %s without a name" % self.kind


class Registry:
    """What lib/os/address_registry.cpp lays open in allot_address_registry."""

    FIELDS = """version shard_count shard_size root gone gone_count most_gone left right begin end owner order tag
                gone_size gone_begin gone_end gone_destroyed gone_tag kind stamp kind_size name_size name""".split()

    def __init__(self):
        self.memory = Memory()
        try:
            at = int(gdb.parse_and_eval("(unsigned long)&allot_address_registry"))
        except gdb.error:
            raise gdb.GdbError("allot: no registry of addresses: the program is not linked with allot, or not running")
        if not self.memory.read(at, 16).startswith(b"allot registry\0"):
            raise gdb.GdbError("allot: the registry of addresses is not of this kind")
        self.shards = self.memory.pointer(at + 16)
        fields = at + 16 + self.memory.pointer_size
        self.view = {name: self.memory.number(fields + 4 * i, 4) for i, name in enumerate(self.FIELDS)}
        if self.view["version"] != 1:
            raise gdb.GdbError("allot: the registry of addresses has a version this script does not know")

    def live(self):
        for i in range(self.view["shard_count"]):
            waiting = [self.memory.pointer(self.shards + i * self.view["shard_size"] + self.view["root"])]
            while waiting:
                at = waiting.pop()
                if not at:
                    continue
                found = Range(self.memory, self.view, at)
                found.owner = self.memory.pointer(at + self.view["owner"])
                found.order = self.memory.number(at + self.view["order"], 8)
                yield found
                waiting += [self.memory.pointer(at + self.view[side]) for side in ("left", "right")]

    def gone(self):
        for i in range(self.view["shard_count"]):
            shard = self.shards + i * self.view["shard_size"]
            count = self.memory.number(shard + self.view["gone_count"], 8)
            for j in range(min(count, self.view["most_gone"])):
                at = shard + self.view["gone"] + j * self.view["gone_size"]
                found = Range(self.memory, self.view, at, "gone_")
                found.destroyed = self.memory.number(at + self.view["gone_destroyed"], 1) != 0
                yield found


def count(n):
    return "%d byte%s" % (n, "" if n == 1 else "s")


def place(address, begin, size, starts=True):
    if address < begin:
        return "%s before " % count(begin - address)
    if address == begin and (size or starts):
        return "the start of "
    if address - begin < size:
        return "%s into " % count(address - begin)
    return "%s past the end of " % count(address - begin - size + 1)


def typed(owner, name):
    """The owner as the class of that name, or None without debug information."""
    try:
        pointer = gdb.Value(owner).cast(gdb.lookup_type("allot::resource").pointer())
        return pointer.cast(gdb.lookup_type("allot::" + name).pointer()).dereference()
    except gdb.error:
        return None


def in_arena(address, arena):
    data, cursor = int(arena["data_"]), int(arena["cursor_"])
    text = place(address, data, cursor - data, False) + "the %s in use at 0x%x" % (count(cursor - data), data)
    if address >= cursor:
        before = address < max(int(arena["high_"]), cursor)
        text += ", in what was in use until it went back (rewind, pop, clear or a free)" if before else ", beyond what is in use"
    return text


def entries(table):
    for i in range(int(table["slots_"])):
        entry = table["table_"][i]
        if int(entry["address"]):
            yield entry


def in_blocks(address, resource, page):
    """The nearest block of a table that has the address in its memory, for resources that know their blocks exactly."""
    nearest = None
    for entry in entries(resource["blocks_"]):
        begin, size = int(entry["address"]), int(entry["requested"])
        if begin - page - int(entry["lead"]) <= address < begin + int(entry["mapped"]) + page:
            distance = begin - address if address < begin else max(0, address - begin - size + 1)
            if nearest is None or distance < nearest[0]:
                nearest = (distance, begin, size, bool(entry["freed"]))
    if nearest is None:
        return None
    _, begin, size, freed = nearest
    text = place(address, begin, size) + "a %s %d-byte block at 0x%x" % ("freed" if freed else "live", size, begin)
    return text + (", which is in quarantine" if freed and begin <= address < begin + size else "")


def in_block(address, held):
    """What the innermost owner knows of the address, as far as this script can read its books."""
    try:
        if held.kind in ("monotonic_arena", "local_arena"):
            arena = typed(held.owner, "monotonic_arena")
            return arena and in_arena(address, arena)
        if held.kind in ("page_resource", "guarded_page_resource", "debug_resource"):
            resource = typed(held.owner, held.kind)
            return resource and in_blocks(address, resource, 4096 if held.kind == "guarded_page_resource" else 0)
    except gdb.error:
        pass
    return None


def explain(address):
    registry = Registry()
    around = [each for each in registry.live() if each.begin <= address < each.end]
    around.sort(key=lambda each: (each.size, -each.order))
    gone = [each for each in registry.gone() if each.begin <= address < each.end]
    last = max(gone, key=lambda each: each.stamp) if gone else None
    if last and around and (last.stamp < around[0].stamp or last.size > around[0].size):
        last = None
    text = "0x%x: " % address
    if around:
        inner = around[0]
        told = inner.owner and in_block(address, inner)
        text += told or place(address, inner.begin, inner.size) + "the %s at 0x%x" % (count(inner.size), inner.begin)
        text += ", of " + inner.who()
        if not inner.owner:
            text += ", which is gone; they are kept inaccessible"
        for each in around[1:]:
            inside = each.begin <= inner.begin and inner.begin + inner.size <= each.begin + each.size
            text += ", whose memory comes from " if inside else ", whose memory overlaps that of "
            text += each.who()
        if last:
            text += "; earlier it was memory of " + last.who()
    elif last:
        text += place(address, last.begin, last.size)
        text += "what were the %s at 0x%x, of %s" % (count(last.size), last.begin, last.who())
    else:
        text += "in no memory that a resource has, or had lately"
    if last:
        text += ", which is destroyed" if last.destroyed else ", which gave it back"
    return text


class AllotCommand(gdb.Command):
    """Says what allot knows of the program's memory."""

    def __init__(self):
        super().__init__("allot", gdb.COMMAND_DATA, prefix=True)


class ExplainCommand(gdb.Command):
    """allot explain ADDRESS: whose memory the address is in, and which block of it."""

    def __init__(self):
        super().__init__("allot explain", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, _from_tty):
        if not argument:
            raise gdb.GdbError("allot explain: which address?")
        value = gdb.parse_and_eval(argument)
        word = gdb.lookup_type("unsigned long")
        print(explain(int(value.cast(word))))


class OwnersCommand(gdb.Command):
    """allot owners: every range of memory, and the resource that has it."""

    def __init__(self):
        super().__init__("allot owners", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        for each in sorted(Registry().live(), key=lambda found: (found.begin, -found.size, found.order)):
            print("0x%x %12d %s" % (each.begin, each.size, each.who()))


AllotCommand()
ExplainCommand()
OwnersCommand()


def name_of(resource, kind):
    text = resource["name_"]
    size = int(text["size_"])
    if not size:
        return kind
    array = text["bytes_"]
    elements = array[array.type.fields()[0]]  # standard libraries call it differently
    data = bytes(int(elements[i]) & 255 for i in range(size))
    return "%s '%s'" % (kind, data.decode("utf-8", "replace"))


class ArenaPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        position = int(self.value["cursor_"]) - int(self.value["origin_"])
        text = name_of(self.value, "allot::" + self.kind) + ": position %d" % position
        if self.kind != "chained_arena" and int(self.value["data_"]):
            text += " of %d, at 0x%x" % (int(self.value["size_"]), int(self.value["data_"]))
        return text


class MonotonicArenaPrinter(ArenaPrinter):
    kind = "monotonic_arena"


class ChainedArenaPrinter(ArenaPrinter):
    kind = "chained_arena"


class PoolPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        store = self.value["core_"]["store_"]
        held, taken = int(store["held_"]), int(store["taken_"])
        text = "%d bytes held in %d chunks, %d of them in blocks that are in use or at hand"
        return name_of(self.value, "allot::" + self.kind) + ": " + text % (held, int(store["entry_count_"]), taken)


class PoolResourcePrinter(PoolPrinter):
    kind = "pool_resource"


class ConcurrentPoolPrinter(PoolPrinter):
    kind = "concurrent_pool"


class HeapPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        granule = 16
        used, peak = int(self.value["used_"]) * granule, int(self.value["peak_"]) * granule
        text = "%d bytes in use, at most %d so far, in %d ranges"
        return name_of(self.value, "allot::coalescing_heap") + ": " + text % (used, peak, int(self.value["ranges_"]["count_"]))


class VlarrayPrinter:
    def __init__(self, value):
        self.value = value
        self.first = value["memory_"]["data"].cast(value["end_"].type)
        self.size = int(value["end_"] - self.first)

    def to_string(self):
        room = int(self.value["limit_"] - self.first)
        return "allot::vlarray of %d, with room for %d without growing" % (self.size, room)

    def display_hint(self):
        return "array"

    def children(self):
        return (("[%d]" % i, self.first[i]) for i in range(self.size))


def make_printers():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("allot")
    for name, pattern, printer in (
        ("monotonic_arena", "^allot::(monotonic_arena|local_arena<.*>)$", MonotonicArenaPrinter),
        ("chained_arena", "^allot::chained_arena$", ChainedArenaPrinter),
        ("pool_resource", "^allot::pool_resource$", PoolResourcePrinter),
        ("concurrent_pool", "^allot::concurrent_pool$", ConcurrentPoolPrinter),
        ("coalescing_heap", "^allot::coalescing_heap$", HeapPrinter),
        ("vlarray", "^allot::vlarray<.*>$", VlarrayPrinter),
    ):
        printers.add_printer(name, pattern, printer)
    return printers


gdb.printing.register_pretty_printer(None, make_printers(), replace=True)
