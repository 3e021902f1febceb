"""What OpenAI's own tiktoken says, for the tests of package tokens.

  oracle.py pack RANKS OUT        write RANKS/*.tiktoken and the character classes as package tokens embeds them
  oracle.py count RANKS DOCS OUT  write the counts of every file in DOCS

RANKS is a folder with o200k_base.tiktoken and cl100k_base.tiktoken. Nothing is
fetched: the ranks are read from there and held to the hashes that tiktoken has.
"""

import base64
import hashlib
import pathlib
import sys
import zlib
from unittest import mock

import tiktoken
import tiktoken_ext.openai_public as public

NAMES = ("o200k_base", "cl100k_base")


def encoding(name, ranks):
    """The encoding as tiktoken defines it, with the ranks of a local file."""

    def load(url, expected_hash):
        text = (ranks / url.rsplit("/", 1)[1]).read_bytes()
        if hashlib.sha256(text).hexdigest() != expected_hash:
            raise SystemExit(f"{url}: the local file is another one")
        return {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, text.splitlines())}

    with mock.patch.object(public, "load_tiktoken_bpe", load):
        return tiktoken.Encoding(**getattr(public, name)())


def deflate(data):
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    return pack.compress(data) + pack.flush()


def vocabulary(name, ranks):
    """Each token's length and bytes, in the order of their ranks, which have no gaps."""
    tokens = encoding(name, ranks)._mergeable_ranks
    in_order = sorted(tokens, key=tokens.get)
    assert [tokens[token] for token in in_order] == list(range(len(in_order)))
    return deflate(b"".join(bytes([len(token)]) + token for token in in_order))


def classes():
    """The runs of character classes as tiktoken's regular expressions see them:
    each a number, class + 8 * length, seven bits to a byte, the lowest first."""
    patterns = (r"[\p{Lu}\p{Lt}]", r"\p{Ll}", r"[\p{Lm}\p{Lo}]", r"\p{M}", r"\p{N}", r"\s", r"[\r\n]")
    alphabet = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    of = bytearray(0x110000)
    for number, pattern in enumerate(patterns, 1):
        one = tiktoken.Encoding("class", pat_str=pattern, mergeable_ranks={bytes([b]): b for b in range(256)}, special_tokens={})
        for c in one.decode(one.encode_ordinary(alphabet)):
            of[ord(c)] = number
    out, start = bytearray(), 0
    for c in range(1, 0x110001):
        if c == 0x110000 or of[c] != of[start]:
            n = (c - start) << 3 | of[start]
            while n >= 0x80:
                out.append(n & 0x7F | 0x80)
                n >>= 7
            out.append(n)
            start = c
    return deflate(bytes(out))


def pack(ranks, out):
    for name in NAMES:
        (out / f"{name}.flate").write_bytes(vocabulary(name, ranks))
    (out / "classes.flate").write_bytes(classes())


def count(ranks, docs, out):
    encodings = [encoding(name, ranks) for name in NAMES]
    with out.open("w") as lines:
        for doc in sorted(docs.iterdir()):
            text = doc.read_bytes().decode()
            counts = (len(e.encode_ordinary(text)) for e in encodings)
            print(doc.name, len(text.encode()), *counts, file=lines)


if __name__ == "__main__":
    {"pack": pack, "count": count}[sys.argv[1]](*map(pathlib.Path, sys.argv[2:]))
