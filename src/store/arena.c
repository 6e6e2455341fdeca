#include "store/arena.h"

#include "base/mem.h"

enum { FIRST_BYTES = 480, BLOCK_BYTES = 16384, ALIGN = 16 };

struct mc_arena_block {
    struct mc_arena_block *next;
    size_t used, size;
    _Alignas(ALIGN) char bytes[];
};

static struct mc_arena_block *block_new(size_t least, size_t usual) {
    size_t size = least > usual ? least : usual;
    struct mc_arena_block *block = mc_malloc(sizeof *block + size);
    if (block != NULL)
        *block = (struct mc_arena_block){.size = size};
    return block;
}

void *mc_arena_alloc(struct mc_arena *arena, size_t bytes) {
    size_t rounded = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    struct mc_arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < rounded) {
        block = block_new(rounded, block == NULL ? FIRST_BYTES : BLOCK_BYTES); /* most arenas stay tiny */
        if (block == NULL)
            return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *piece = block->bytes + block->used;
    block->used += rounded;
    return piece;
}

bool mc_arena_copy(struct mc_arena *arena, struct mc_str text, struct mc_str *out) {
    *out = (struct mc_str){"", 0};
    if (text.len == 0)
        return true;
    char *copy = mc_arena_alloc(arena, text.len);
    if (copy == NULL)
        return false;
    memcpy(copy, text.data, text.len);
    *out = (struct mc_str){copy, text.len};
    return true;
}

void mc_arena_free(struct mc_arena *arena) {
    while (arena->blocks != NULL) {
        struct mc_arena_block *next = arena->blocks->next;
        mc_free(arena->blocks);
        arena->blocks = next;
    }
}
