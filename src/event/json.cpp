// The one file that knows simdjson: see json_scan.h. C++ stays inside; nothing is thrown out of it.
extern "C" {
#include "event/json_scan.h"
}

#include <memory>
#include <new>
#include <simdjson.h>

struct mc_json_scanner {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
};

namespace {

constexpr size_t first_capacity = 64 * 1024;

// Room for texts of `len` bytes; doubling, so that bodies of growing length do not allocate each time.
bool make_room(mc_json_scanner *scanner, size_t len) {
    size_t capacity = scanner->stage ? scanner->stage->capacity() : first_capacity;
    while (capacity < len)
        capacity *= 2;
    if (!scanner->stage)
        return simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, scanner->stage) ==
               simdjson::SUCCESS;
    return capacity == scanner->stage->capacity() || scanner->stage->allocate(capacity, 1) == simdjson::SUCCESS;
}

// The first stage counts from the text it was given.
void shift(uint32_t *tokens, size_t count, uint32_t by) {
    for (size_t i = 0; i < count; i++)
        tokens[i] += by;
}

} // namespace

extern "C" {

mc_json_scanner *mc_json_scanner_open(void) {
    mc_json_scanner *scanner = new (std::nothrow) mc_json_scanner{};
    if (scanner != nullptr && !make_room(scanner, 1)) {
        delete scanner;
        return nullptr;
    }
    return scanner;
}

void mc_json_scanner_close(mc_json_scanner *scanner) {
    delete scanner;
}

mc_err mc_json_scan(mc_json_scanner *scanner, const char *bytes, size_t from, size_t end, const uint32_t **tokens) {
    size_t len = end - from;
    if (!make_room(scanner, len))
        return MC_ERR_NOMEM;
    auto &stage = *scanner->stage;
    simdjson::error_code code = simdjson::EMPTY;
    if (len > 0)
        code = stage.stage1(reinterpret_cast<const uint8_t *>(bytes) + from, len, simdjson::stage1_mode::regular);
    if (code != simdjson::SUCCESS && code != simdjson::EMPTY)
        return code == simdjson::MEMALLOC ? MC_ERR_NOMEM : MC_ERR_FORMAT;
    size_t count = code == simdjson::EMPTY ? 0 : stage.n_structural_indexes;
    uint32_t *found = stage.structural_indexes.get();
    found[count] = found[count + 1] = static_cast<uint32_t>(len);
    if (from > 0)
        shift(found, count + 2, static_cast<uint32_t>(from));
    *tokens = found;
    return MC_OK;
}

const char *mc_json_scan_chosen(void) {
    // The name behind a pointer that lives as long as the program; until the first use it is a stand-in that detects.
    static thread_local char name[16];
    std::string chosen = simdjson::get_active_implementation()->name();
    size_t len = chosen.copy(name, sizeof name - 1);
    name[len] = '\0';
    return name;
}

bool mc_json_scan_choose(const char *name) {
    for (auto implementation : simdjson::get_available_implementations())
        if (implementation->name() == name && implementation->supported_by_runtime_system()) {
            simdjson::get_active_implementation() = implementation;
            return true;
        }
    return false;
}
}
