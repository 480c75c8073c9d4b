#include "tui/keys.h"

#include "tui/commands.h"

const struct key_binding key_bindings[] = {
#define X(id, argument, a, b, c, shown, changes, help)                                             \
    {command_##id, argument, {a, b, c}, shown, changes, help},
    KEYS(X)
#undef X
};

const size_t key_binding_count = sizeof key_bindings / sizeof *key_bindings;

const struct key_binding *key_find(int key)
{
    for (size_t i = 0; i < key_binding_count; i++) {
        for (size_t k = 0; k < 3; k++) {
            if (key != 0 && key_bindings[i].keys[k] == key)
                return &key_bindings[i];
        }
    }
    return NULL;
}
