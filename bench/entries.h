// The keys and values of the databases for the measurements: the same numbers in every run.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>

static uint64_t state = 88172645463325252ull;
static uint64_t next() {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// Half random, half repeated: compresses to a little more than half, as db_bench's values do.
static std::string value(size_t size) {
  std::string text(size, 'x');
  for (size_t i = 0; i < size / 2; i++) text[i] = static_cast<char>(next() >> 20);
  for (size_t i = size / 2; i < size; i++) text[i] = text[i - size / 2];
  return text;
}

static std::string key(uint64_t n) {
  char text[32];
  snprintf(text, sizeof text, "key-%012llu", static_cast<unsigned long long>(n));
  return text;
}
