"""Counts words, writes and reads JSON, keeps many buffers of all sizes."""
import collections
import json
import re
import sys

size = int(sys.argv[1])
text = " ".join("word%d" % (i * 7919 % 5003) for i in range(size * 40000))
words = collections.Counter(re.findall(r"\w+", text))
records = [{"id": i, "tags": [str(j) for j in range(i % 7)], "name": "x" * (i % 2000)} for i in range(size * 4000)]
back = json.loads(json.dumps(records))
print(len(words), words.most_common(3), len(back), sum(len(record["name"]) for record in back))
buffers = [bytearray(i % 5000 + 600) for i in range(size * 6000)]
print(sum(map(len, buffers[::3])))
