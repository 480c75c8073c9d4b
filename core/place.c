#include "core/place.h"

#include <string.h>

static void add(struct place **places, size_t *count, struct place place)
{
    *(struct place *)grow(places, *count, sizeof place) = place;
    ++*count;
}

size_t places_of(const struct config *config, const char *role, bool per_node,
                 struct place **places)
{
    size_t count = 0;
    *places = NULL;
    for (size_t n = 0; n < config->node_count; n++) {
        const struct node_config *node = &config->nodes[n];
        if (strcmp(node->role, role) != 0)
            continue;
        if (per_node) {
            add(places, &count, (struct place){node, (int)n, NULL, -1});
            continue;
        }
        for (size_t d = 0; d < config->database_count; d++)
            add(places, &count, (struct place){node, (int)n, config->databases[d], (int)d});
    }
    return count;
}

char *place_name(const struct place *place)
{
    return place->database ? xprintf("%s/%s", place->node->name, place->database)
                           : xstrdup(place->node->name);
}
